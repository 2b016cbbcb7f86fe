package parse_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/syntaxtest"
	pg "github.com/pganalyze/pg_query_go/v6"
)

// TestPostgresBulk: what PostgreSQL's parser reads in a statement whose rows come from elsewhere than VALUES: an insert of
// ordered rows (hazard P24), with one array a column if they come as arrays, and beside a filter that looks for the row
// by the whole key and lets a row pass whose key is the same only to a collation.
func TestPostgresBulk(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for _, s := range statements(t, "postgres") {
		kind := kind(s.Case)
		if kind != "arrays" && kind != "staged" && kind != "filter" {
			continue
		}
		tree, err := pg.Parse(s.SQL)
		if err != nil {
			t.Fatal(err)
		}
		faults := bulkFaults
		if isSplit(s.Case) {
			faults = splitFaults
		}
		for _, fault := range faults(s.Case, tree) {
			t.Errorf("%s: %s\n%s", s.Case.Name, fault, s.SQL)
		}
		seen[kind]++
	}
	for kind, least := range map[string]int{"arrays": 20, "staged": 15, "filter": 5} {
		if seen[kind] < least {
			t.Errorf("%d statements of %s, want %d at least", seen[kind], kind, least)
		}
	}
}

// bulkFaults tells what is wrong with the rows of an insert.
func bulkFaults(c *syntaxtest.Case, tree *pg.ParseResult) (faults []string) {
	rows := insertOf(tree).GetSelectStmt().GetSelectStmt()
	fault := func(broken bool, text string) {
		if broken {
			faults = append(faults, text)
		}
	}
	filtered := strings.Contains(c.Name, "filter")
	if len(rows.GetFromClause()) != 1 {
		return []string{"its rows come from nowhere"}
	}
	fault(len(rows.GetSortClause()) != 1, "hazard P24: its rows have no order")
	source, given := rows.GetFromClause()[0], ""
	switch kind(c) {
	case "arrays":
		f := source.GetRangeFunction()
		given = f.GetAlias().GetAliasname()
		fault(!f.GetOrdinality(), "the arrays have no ordinality")
		faults = append(faults, arrayFaults(f)...)
	case "staged":
		given = source.GetRangeVar().GetAlias().GetAliasname()
		fault(!isStage(source.GetRangeVar().GetRelname()) || source.GetRangeVar().GetSchemaname() != "pg_temp", "its rows are not the staging table's")
	case "filter":
		given = source.GetRangeSubselect().GetAlias().GetAliasname()
		fault(len(source.GetRangeSubselect().GetSubquery().GetSelectStmt().GetValuesLists()) != 2, "there are not two rows")
	}
	for _, sort := range rows.GetSortClause() {
		by := columnOf(sort.GetSortBy().GetNode())
		fault(len(by) != 2 || by[0] != given || !strings.HasPrefix(by[1], "_at") && by[1] != "ctid", fmt.Sprintf("hazard P24: its rows are ordered by %v", by))
	}
	fault((rows.GetWhereClause() != nil) != filtered, fmt.Sprintf("that it has a filter is %v", !filtered))
	if rows.GetWhereClause() != nil {
		faults = append(faults, filterFaults(c, rows.GetWhereClause(), given)...)
	}
	return faults
}

// arrayFaults: each parameter stands once, in its order, and is an array.
func arrayFaults(f *pg.RangeFunction) (faults []string) {
	list := f.GetFunctions()[0].GetList().GetItems()
	call := list[0].GetFuncCall()
	for i, arg := range call.GetArgs() {
		typed := arg.GetTypeCast()
		if typed.GetArg().GetParamRef().GetNumber() != int32(i+1) || len(typed.GetTypeName().GetArrayBounds()) != 1 {
			faults = append(faults, fmt.Sprintf("argument %d is not the array of its parameter", i+1))
		}
	}
	if names := f.GetAlias().GetColnames(); len(names) != len(call.GetArgs())+1 {
		faults = append(faults, fmt.Sprintf("%d names for %d arrays", len(names), len(call.GetArgs())))
	}
	return faults
}

// kind is the first word of a case's name.
func kind(c *syntaxtest.Case) string {
	word, _, _ := strings.Cut(c.Name, "-")
	return word
}

// joinedBy returns the columns that are equal in a stored row and a given one, and the other conditions.
func joinedBy(condition *pg.Node, given string) (joined []string, others []*pg.Node) {
	for _, cond := range conjuncts(condition) {
		e := cond.GetAExpr()
		left, right := columnOf(e.GetLexpr()), columnOf(e.GetRexpr())
		if e.GetKind() == pg.A_Expr_Kind_AEXPR_OP && e.GetName()[0].GetString_().GetSval() == "=" && len(left) == 2 && left[0] == "_t" && slices.Equal(right, []string{given, left[1]}) {
			joined = append(joined, left[1])
		} else {
			others = append(others, cond)
		}
	}
	return joined, others
}

// filterFaults: NOT EXISTS (SELECT FROM the table WHERE the keys are equal AND …).
func filterFaults(c *syntaxtest.Case, where *pg.Node, given string) (faults []string) {
	sub := negated(where).GetSubLink()
	if sub.GetSubLinkType() != pg.SubLinkType_EXISTS_SUBLINK {
		return []string{"its filter is no NOT EXISTS"}
	}
	look := sub.GetSubselect().GetSelectStmt()
	if from := look.GetFromClause(); len(from) != 1 || from[0].GetRangeVar().GetAlias().GetAliasname() != "_t" {
		faults = append(faults, "its filter looks at another table")
	}
	joined, others := joinedBy(look.GetWhereClause(), given)
	var compared []string
	if len(others) > 0 {
		compared = differing(negated(others[0]), given)
	}
	if !slices.Equal(joined, c.Key) {
		faults = append(faults, fmt.Sprintf("its filter joins by %v", joined))
	}
	if keys := textKeys(c); keys != nil && !slices.Equal(compared, keys) {
		faults = append(faults, fmt.Sprintf("hazard H18: its filter compares %v byte by byte, and not %v", compared, keys))
	}
	return faults
}

// negated is what NOT stands before, or nil.
func negated(n *pg.Node) *pg.Node {
	if n.GetBoolExpr().GetBoolop() != pg.BoolExprType_NOT_EXPR {
		return nil
	}
	return n.GetBoolExpr().GetArgs()[0]
}

// conjuncts are the parts of a condition that must all be true.
func conjuncts(n *pg.Node) (parts []*pg.Node) {
	if n.GetBoolExpr().GetBoolop() != pg.BoolExprType_AND_EXPR {
		return []*pg.Node{n}
	}
	for _, arg := range n.GetBoolExpr().GetArgs() {
		parts = append(parts, conjuncts(arg)...)
	}
	return parts
}

// TestPostgresBulkFaultsAreSeen: each structural check fails on a statement that has its fault.
func TestPostgresBulkFaultsAreSeen(t *testing.T) {
	t.Parallel()
	const good = `INSERT INTO "items" AS "_t" ("code", "v") SELECT "_e"."code", "_e"."v" FROM unnest($1::text[], $2::int[]) WITH ORDINALITY AS "_e" ("code", "v", "_at") ` +
		`WHERE NOT EXISTS (SELECT FROM "items" AS "_t" WHERE "_t"."code" = "_e"."code" AND (NOT (("_t"."code")::text COLLATE "C" IS DISTINCT FROM ("_e"."code")::text COLLATE "C") ` +
		`AND NOT ("_t"."v" IS DISTINCT FROM "_e"."v"))) ORDER BY "_e"."_at" ON CONFLICT ("code") DO NOTHING`
	for _, c := range []struct{ from, to, fault string }{
		{"", "", ""},
		{` ORDER BY "_e"."_at"`, ``, "have no order"},
		{`ORDER BY "_e"."_at"`, `ORDER BY "_e"."v"`, "ordered by [_e v]"},
		{` WITH ORDINALITY`, ``, "no ordinality"},
		{`$2::int[]`, `$2::int`, "argument 2"},
		{`$2::int[]`, `$1::int[]`, "argument 2"},
		{`"v", "_at"`, `"_at"`, "names for"},
		{`NOT EXISTS (SELECT`, `EXISTS (SELECT`, "no NOT EXISTS"},
		{`FROM "items" AS "_t" WHERE`, `FROM "items" AS "_x" WHERE`, "another table"},
		{`"_t"."code" = "_e"."code"`, `"_t"."v" = "_e"."v"`, "joins by [v]"},
		{`"_t"."code" = "_e"."code"`, `"_t"."code" <> "_t"."code"`, "joins by []"},
		{`"_t"."code" = "_e"."code"`, `"_t"."code" <> "_e"."code"`, "joins by []"},
		{`("_t"."code")::text`, `("_e"."code")::text`, "compares []"},
	} {
		query := strings.Replace(good, c.from, c.to, 1)
		tree, err := pg.Parse(query)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(bulkFaults(&syntaxtest.Case{Name: "arrays-filter-key-text", Key: []string{"code"}}, tree), "; ")
		if !strings.Contains(got, c.fault) || c.fault == "" && got != "" {
			t.Errorf("want a fault with %q, have %q for\n%s", c.fault, got, query)
		}
	}
}
