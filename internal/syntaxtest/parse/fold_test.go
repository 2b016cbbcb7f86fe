package parse_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/syntaxtest"
	pg "github.com/pganalyze/pg_query_go/v6"
)

// textKeys are the columns of text in a case's key; the other cases have none. A collation may take two of them for one.
func textKeys(c *syntaxtest.Case) []string {
	return map[string][]string{
		"key-compound": {"tenant"}, "key-text": {"code"}, "key-text-keep": {"code"}, "key-text-version": {"code"}, "key-text-two": {"org", "code"},
		"key-text-removes":       {"code"},
		"arrays-filter-key-text": {"code"}, "arrays-filter-key-text-only": {"code"}, "arrays-filter-key-two": {"tenant"}, "filter-key-text": {"code"},
		"staged-key-text": {"code"}, "staged-key-two": {"tenant"}, "staged-filter-key-text": {"code"}, "staged-split-key-text": {"code"},
		"rule-generated": {"code"}, "map": {"tz"}, "target-named": {"email"},
	}[c.Name]
}

// TestPostgresFoldGuard: an update of a row whose key is text asks first whether the stored key is the same byte by byte,
// and fails the statement if the key is not (hazard H18). It does so with a version too, because a stale row is no answer then.
func TestPostgresFoldGuard(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range statements(t, "postgres", "postgres-18", "yugabytedb") {
		if strings.Contains(s.SQL, "RETURNING WITH") || !strings.Contains(s.SQL, " DO UPDATE ") {
			continue // PostgreSQL 18's own, or nothing that could be written over
		}
		tree, err := pg.Parse(s.SQL)
		if err != nil {
			t.Fatal(err)
		}
		have, want := foldGuard(tree), textKeys(s.Case)
		if !slices.Equal(have, want) {
			t.Errorf("%s on %s: compared byte by byte is %v, want %v\n%s", s.Case.Name, s.Variant.Name, have, want, s.SQL)
		}
		seen[s.Case.Name] = len(want) > 0
	}
	for _, name := range []string{"key-text", "key-text-version", "key-text-two", "key-compound"} {
		if !seen[name] {
			t.Errorf("no update of case %s was seen", name)
		}
	}
}

// foldGuard returns the stored columns that DO UPDATE … WHERE CASE WHEN they differ THEN failure compares, or none if the
// expression is no such guard.
func foldGuard(tree *pg.ParseResult) (names []string) {
	where := insertOf(tree).GetOnConflictClause().GetWhereClause()
	when := where.GetCaseExpr().GetArgs()
	if len(when) != 1 || !alwaysFails(when[0].GetCaseWhen().GetResult()) {
		return nil
	}
	return differing(when[0].GetCaseWhen().GetExpr(), "excluded")
}

// differing returns the stored columns that an expression compares, byte by byte, with the columns of the same name beside
// them, or none if the expression is no such comparison.
func differing(expr *pg.Node, beside string) (names []string) {
	differ := []*pg.Node{expr}
	if either := differ[0].GetBoolExpr(); either.GetBoolop() == pg.BoolExprType_OR_EXPR {
		differ = either.GetArgs()
	}
	for _, d := range differ {
		a := d.GetAExpr()
		left, right := columnOf(a.GetLexpr()), columnOf(a.GetRexpr())
		if a.GetKind() != pg.A_Expr_Kind_AEXPR_DISTINCT || len(left) != 2 || !slices.Equal(right, []string{beside, left[1]}) || left[0] != "_t" {
			return nil
		}
		names = append(names, left[1])
	}
	return names
}

// alwaysFails tells whether an expression is text that begins with the mark, as a boolean. It must read a column: the
// planner would evaluate a constant.
func alwaysFails(n *pg.Node) bool {
	typed := n.GetTypeCast()
	text := typed.GetArg().GetAExpr()
	mark := text.GetLexpr().GetAConst().GetSval().GetSval()
	types := typed.GetTypeName().GetNames()
	return len(types) > 0 && types[len(types)-1].GetString_().GetSval() == "bool" && strings.HasPrefix(mark, "upsert: other key") &&
		len(text.GetName()) == 1 && text.GetName()[0].GetString_().GetSval() == "||" && len(columnOf(text.GetRexpr())) == 2
}

// columnOf returns the parts of a column's name, whatever it is cast and collated to.
func columnOf(n *pg.Node) (parts []string) {
	for {
		if c := n.GetCollateClause(); c != nil {
			n = c.GetArg()
		} else if c := n.GetTypeCast(); c != nil {
			n = c.GetArg()
		} else {
			break
		}
	}
	for _, f := range n.GetColumnRef().GetFields() {
		parts = append(parts, f.GetString_().GetSval())
	}
	return parts
}

// TestPostgresFoldGuardIsSeen: what is no guard is not taken for one.
func TestPostgresFoldGuardIsSeen(t *testing.T) {
	t.Parallel()
	const guard = `INSERT INTO "t" AS "_t" ("a", "v") VALUES ($1, $2) ON CONFLICT ("a") DO UPDATE SET "v" = EXCLUDED."v" WHERE CASE WHEN ` +
		`("_t"."a")::text COLLATE "C" IS DISTINCT FROM (EXCLUDED."a")::text COLLATE "C" THEN ('upsert: other key ' || EXCLUDED."a"::text)::boolean ELSE true END`
	for from, to := range map[string]string{
		"":                       "",
		"CASE WHEN ":             "CASE WHEN NOT ",
		"DISTINCT FROM (EX":      "NOT DISTINCT FROM (EX",
		`FROM (EXCLUDED."a"`:     `FROM (EXCLUDED."v"`,
		`("_t"."a")`:             `(EXCLUDED."a")`,
		`('upsert: other key '`:  `('true'`,
		` || EXCLUDED."a"::text`: ``,
		`|| EXCLUDED."a"::text`:  `|| 'a'`,
		"::boolean":              "::text",
		"ELSE":                   "WHEN true THEN true ELSE",
	} {
		tree, err := pg.Parse(strings.Replace(guard, from, to, 1))
		if err != nil {
			t.Fatal(err)
		}
		if have := foldGuard(tree); slices.Equal(have, []string{"a"}) != (from == "") {
			t.Errorf("with %q for %q: compared is %v", to, from, have)
		}
	}
}
