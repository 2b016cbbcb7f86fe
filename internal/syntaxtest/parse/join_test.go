package parse_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/syntaxtest"
	pg "github.com/pganalyze/pg_query_go/v6"
)

func isJoin(c *syntaxtest.Case) bool { return strings.Contains(c.Name, "-join") }

// joinFaults tells what is wrong with a MERGE of what is staged: it joins by the whole key, updates a row that is there under a
// condition, no column of its key among what it sets, and inserts one that is not.
func joinFaults(c *syntaxtest.Case, tree *pg.ParseResult) (faults []string) {
	fault := func(broken bool, text string) {
		if broken {
			faults = append(faults, text)
		}
	}
	m := tree.GetStmts()[0].GetStmt().GetMergeStmt()
	if m == nil || len(m.GetMergeWhenClauses()) != 2 {
		return []string{"it is no MERGE of two arms"}
	}
	given := m.GetSourceRelation().GetRangeVar().GetAlias().GetAliasname()
	fault(!isStage(m.GetSourceRelation().GetRangeVar().GetRelname()), "it is no MERGE of the staging table")
	fault(m.GetRelation().GetAlias().GetAliasname() != "_t", "its table has another alias")
	joined, others := joinedBy(m.GetJoinCondition(), given)
	fault(!slices.Equal(joined, c.Key) || len(others) > 0, fmt.Sprintf("it joins by %v, and %d other conditions", joined, len(others)))
	met, absent := m.GetMergeWhenClauses()[0].GetMergeWhenClause(), m.GetMergeWhenClauses()[1].GetMergeWhenClause()
	fault(met.GetMatchKind() != pg.MergeMatchKind_MERGE_WHEN_MATCHED || met.GetCommandType() != pg.CmdType_CMD_UPDATE, "what is there is not updated")
	fault(absent.GetMatchKind() != pg.MergeMatchKind_MERGE_WHEN_NOT_MATCHED_BY_TARGET || absent.GetCommandType() != pg.CmdType_CMD_INSERT, "what is not there is not inserted")
	fault(met.GetCondition() == nil, "hazard P13: what is the same is updated")
	fault(absent.GetCondition() != nil, "what is not there is inserted under a condition")
	fault(len(absent.GetTargetList()) != len(absent.GetValues()), "it inserts other columns than values")
	for _, name := range resultNames(met.GetTargetList()) {
		fault(slices.Contains(c.Key, name), "hazard P11: it sets the key")
	}
	fault(hasParam(tree.GetStmts()[0].GetStmt()), "it has a parameter")
	if keys := textKeys(c); keys != nil {
		whens := met.GetCondition().GetCaseExpr().GetArgs()
		var compared []string
		if len(whens) == 1 {
			compared = differing(whens[0].GetCaseWhen().GetExpr(), given)
		}
		fault(!slices.Equal(compared, keys), fmt.Sprintf("hazard H18: it compares %v byte by byte, and not %v", compared, keys))
	}
	return faults
}

// TestPostgresJoinFaultsAreSeen: each structural check fails on a statement that has its fault.
func TestPostgresJoinFaultsAreSeen(t *testing.T) {
	t.Parallel()
	const good = `MERGE INTO "t" AS "_t" USING "pg_temp"."_upsert_stage" AS "_e" ON "_t"."code" = "_e"."code" ` +
		`WHEN MATCHED AND (CASE WHEN ("_t"."code")::text COLLATE "C" IS DISTINCT FROM ("_e"."code")::text COLLATE "C" THEN ('x' || "_e"."code"::text)::boolean ELSE "_t"."v" IS DISTINCT FROM "_e"."v" END) ` +
		`THEN UPDATE SET "v" = "_e"."v" WHEN NOT MATCHED THEN INSERT ("code", "v") VALUES ("_e"."code", "_e"."v")`
	for _, c := range []struct{ from, to, fault string }{
		{"", "", ""},
		{good, `INSERT INTO "t" AS "_t" ("code") SELECT "code" FROM "_m" ON CONFLICT ("code") DO NOTHING`, "no MERGE"},
		{` WHEN NOT MATCHED THEN INSERT ("code", "v") VALUES ("_e"."code", "_e"."v")`, ``, "no MERGE of two arms"},
		{`"_upsert_stage"`, `"u"`, "no MERGE of the staging table"},
		{`"t" AS "_t"`, `"t" AS "_u"`, "another alias"},
		{`ON "_t"."code" = "_e"."code"`, `ON "_t"."v" = "_e"."v"`, "joins by [v]"},
		{`ON "_t"."code" = "_e"."code"`, `ON "_t"."code" = "_e"."code" AND "_t"."v" > 1`, "1 other conditions"},
		{`("_t"."code")::text`, `("_e"."code")::text`, "compares []"},
		{`UPDATE SET "v" = "_e"."v"`, `DELETE`, "not updated"},
		{`SET "v" =`, `SET "code" =`, "sets the key"},
		{`WHEN NOT MATCHED THEN`, `WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN NOT MATCHED THEN`, "two arms"},
		{`WHEN NOT MATCHED THEN`, `WHEN NOT MATCHED AND "_e"."v" > 1 THEN`, "inserted under a condition"},
		{`INSERT ("code", "v") VALUES ("_e"."code", "_e"."v")`, `DO NOTHING`, "not inserted"},
		{`VALUES ("_e"."code", "_e"."v")`, `VALUES ("_e"."code", $1)`, "a parameter"},
		{`VALUES ("_e"."code", "_e"."v")`, `VALUES ("_e"."code")`, "other columns than values"},
	} {
		query := strings.Replace(good, c.from, c.to, 1)
		tree, err := pg.Parse(query)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(joinFaults(&syntaxtest.Case{Name: "staged-join-key-text", Key: []string{"code"}}, tree), "; ")
		if !strings.Contains(got, c.fault) || c.fault == "" && got != "" {
			t.Errorf("want a fault with %q, have %q for\n%s", c.fault, got, query)
		}
	}
	without := strings.Replace(good, good[strings.Index(good, " AND (CASE"):strings.Index(good, " THEN UPDATE")], "", 1)
	tree, err := pg.Parse(without)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(joinFaults(&syntaxtest.Case{Key: []string{"code"}}, tree), "; "); !strings.Contains(got, "what is the same is updated") {
		t.Errorf("without a condition: %q", got)
	}
}
