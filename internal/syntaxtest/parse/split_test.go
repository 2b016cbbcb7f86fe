package parse_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/syntaxtest"
	pg "github.com/pganalyze/pg_query_go/v6"
)

func isSplit(c *syntaxtest.Case) bool { return strings.Contains(c.Name, "-split") }

// splitFaults tells what is wrong with a statement that inserts what is not there with no word on conflicts: WITH the rows
// joined with what is stored, the insert of some of them, and an upsert of the others.
func splitFaults(c *syntaxtest.Case, tree *pg.ParseResult) (faults []string) {
	fault := func(broken bool, text string) {
		if broken {
			faults = append(faults, text)
		}
	}
	node := tree.GetStmts()[0].GetStmt()
	parts := append(node.GetInsertStmt().GetWithClause().GetCtes(), node.GetSelectStmt().GetWithClause().GetCtes()...)
	if len(parts) < 2 {
		return []string{"it is not split"}
	}
	met, absent, rest := parts[0].GetCommonTableExpr(), parts[1].GetCommonTableExpr().GetCtequery().GetInsertStmt(), insertOf(tree)
	faults = metFaults(c, met.GetCtequery().GetSelectStmt())
	fault(absent.GetOnConflictClause() != nil || absent == nil, "the first part is no insert, or has a word on conflicts")
	fault(absent.GetRelation().GetRelname() != rest.GetRelation().GetRelname() || !slices.Equal(resultNames(absent.GetCols()), resultNames(rest.GetCols())), "the parts are inserts of two kinds")
	for i, part := range []*pg.InsertStmt{absent, rest} {
		rows := part.GetSelectStmt().GetSelectStmt()
		from, where := rows.GetFromClause(), rows.GetWhereClause()
		if i == 1 {
			where = negated(where)
		}
		fault(len(from) != 1 || from[0].GetRangeVar().GetRelname() != met.GetCtename(), fmt.Sprintf("part %d takes other rows", i+1))
		fault(!slices.Equal(columnOf(where), []string{met.GetCtename(), "_upsert_absent"}), fmt.Sprintf("part %d takes the wrong ones of them", i+1))
	}
	return faults
}

// metFaults: the rows of the staging table, LEFT JOIN what is stored by the whole key, without those that
// would change nothing.
func metFaults(c *syntaxtest.Case, rows *pg.SelectStmt) (faults []string) {
	fault := func(broken bool, text string) {
		if broken {
			faults = append(faults, text)
		}
	}
	if len(rows.GetFromClause()) != 1 {
		return []string{"its rows come from nowhere"}
	}
	fault(len(rows.GetSortClause()) != 0, "it sorts what StageText.Order has taken in order")
	join := rows.GetFromClause()[0].GetJoinExpr()
	given := join.GetLarg().GetRangeVar().GetAlias().GetAliasname()
	fault(join.GetJointype() != pg.JoinType_JOIN_LEFT || !isStage(join.GetLarg().GetRangeVar().GetRelname()), "it is no LEFT JOIN of the staging table")
	fault(join.GetRarg().GetRangeVar().GetAlias().GetAliasname() != "_t", "it joins another table")
	joined, others := joinedBy(join.GetQuals(), given)
	fault(!slices.Equal(joined, c.Key) || len(others) > 0, fmt.Sprintf("it joins by %v, and %d other conditions", joined, len(others)))
	parts := []*pg.Node{rows.GetWhereClause()}
	if either := parts[0].GetBoolExpr(); either.GetBoolop() == pg.BoolExprType_OR_EXPR {
		parts = either.GetArgs()
	}
	missing := parts[0].GetNullTest()
	fault(missing.GetNulltesttype() != pg.NullTestType_IS_NULL || len(joined) == 0 || !slices.Equal(columnOf(missing.GetArg()), []string{"_t", joined[0]}), "what is not there is not told by the key")
	if keys := textKeys(c); keys != nil {
		var compared []string
		if len(parts) == 2 {
			compared = differing(negated(conjuncts(negated(parts[1]))[0]), given)
		}
		fault(!slices.Equal(compared, keys), fmt.Sprintf("hazard H18: it compares %v byte by byte, and not %v", compared, keys))
	}
	return faults
}

// TestPostgresSplitFaultsAreSeen: each structural check fails on a statement that has its fault.
func TestPostgresSplitFaultsAreSeen(t *testing.T) {
	t.Parallel()
	const good = `WITH "_m" AS (SELECT "_e"."code" AS "code", "_e"."v" AS "v", "_t"."code" IS NULL AS "_upsert_absent" FROM "pg_temp"."_upsert_stage" AS "_e" ` +
		`LEFT JOIN "t" AS "_t" ON "_t"."code" = "_e"."code" WHERE "_t"."code" IS NULL OR NOT (NOT (("_t"."code")::text COLLATE "C" IS DISTINCT FROM ("_e"."code")::text COLLATE "C") ` +
		`AND NOT ("_t"."v" IS DISTINCT FROM "_e"."v"))), ` +
		`"_a" AS (INSERT INTO "t" AS "_t" ("code", "v") SELECT "code", "v" FROM "_m" WHERE "_m"."_upsert_absent") ` +
		`INSERT INTO "t" AS "_t" ("code", "v") SELECT "code", "v" FROM "_m" WHERE NOT "_m"."_upsert_absent" ON CONFLICT ("code") DO NOTHING`
	for _, c := range []struct{ from, to, fault string }{
		{"", "", ""},
		{good, `INSERT INTO "t" AS "_t" ("code") SELECT "code" FROM "_m" ON CONFLICT ("code") DO NOTHING`, "not split"},
		{`"_e"."v"))), "_a"`, `"_e"."v")) ORDER BY "_e".ctid), "_a"`, "it sorts"},
		{`LEFT JOIN`, `JOIN`, "no LEFT JOIN"},
		{`"_upsert_stage"`, `"u"`, "no LEFT JOIN"},
		{`JOIN "t" AS "_t"`, `JOIN "t" AS "_u"`, "another table"},
		{`"_t"."code" = "_e"."code"`, `"_t"."v" = "_e"."v"`, "joins by [v]"},
		{`"_t"."code" = "_e"."code"`, `"_t"."code" = "_e"."code" AND "_t"."v" > 1`, "1 other conditions"},
		{`WHERE "_t"."code" IS NULL`, `WHERE "_t"."v" IS NULL`, "not told by the key"},
		{`WHERE "_t"."code" IS NULL`, `WHERE "_t"."code" IS NOT NULL`, "not told by the key"},
		{`("_t"."code")::text`, `("_e"."code")::text`, "compares []"},
		{`"_m"."_upsert_absent")`, `"_m"."_upsert_absent" ON CONFLICT DO NOTHING)`, "a word on conflicts"},
		{`("code", "v") SELECT`, `("v", "code") SELECT`, "two kinds"},
		{`"_a" AS (INSERT INTO "t"`, `"_a" AS (INSERT INTO "u"`, "two kinds"},
		{`FROM "_m" WHERE "_m"`, `FROM "_n" AS "_m" WHERE "_m"`, "part 1 takes other rows"},
		{`WHERE "_m"."_upsert_absent"`, `WHERE NOT "_m"."_upsert_absent"`, "part 1 takes the wrong ones"},
		{`WHERE NOT "_m"."_upsert_absent"`, `WHERE "_m"."_upsert_absent"`, "part 2 takes the wrong ones"},
	} {
		query := strings.Replace(good, c.from, c.to, 1)
		tree, err := pg.Parse(query)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(splitFaults(&syntaxtest.Case{Name: "staged-split-key-text", Key: []string{"code"}}, tree), "; ")
		if !strings.Contains(got, c.fault) || c.fault == "" && got != "" {
			t.Errorf("want a fault with %q, have %q for\n%s", c.fault, got, query)
		}
	}
}
