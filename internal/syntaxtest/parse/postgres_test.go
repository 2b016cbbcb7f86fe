package parse_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/syntaxtest"
	pg "github.com/pganalyze/pg_query_go/v6"
)

// statements of the variants, but at least one.
func statements(t *testing.T, variants ...string) []syntaxtest.Statement {
	t.Helper()
	all, err := syntaxtest.Statements(variants...)
	if err != nil || len(all) == 0 {
		t.Fatalf("%d statements of %v, error %v", len(all), variants, err)
	}
	return all
}

// TestPostgresParses: PostgreSQL 17's parser takes every statement of its family, and what it reads in each is one insert
// with an alias and an explicit target, or one select.
func TestPostgresParses(t *testing.T) {
	t.Parallel()
	parsed, left := 0, 0
	for _, s := range statements(t, "postgres", "postgres-18", "cockroachdb", "yugabytedb") {
		if s.Case.Stage() {
			continue // TestPostgresStage
		}
		if strings.Contains(s.SQL, "RETURNING WITH") {
			left++
			continue
		}
		tree, err := pg.Parse(s.SQL)
		if err != nil {
			t.Errorf("%s on %s: %v\n%s", s.Case.Name, s.Variant.Name, err, s.SQL)
			continue
		}
		parsed++
		for _, fault := range postgresFaults(s, tree) {
			t.Errorf("%s on %s: %s\n%s", s.Case.Name, s.Variant.Name, fault, s.SQL)
		}
	}
	t.Logf("%d statements parsed; %d with RETURNING WITH are left to a real PostgreSQL 18", parsed, left)
	if left == 0 || parsed < 10*left {
		t.Errorf("%d statements parsed and %d left out", parsed, left)
	}
}

func postgresFaults(s syntaxtest.Statement, tree *pg.ParseResult) (faults []string) {
	if len(tree.GetStmts()) != 1 {
		return []string{"it is not one statement"}
	}
	for _, name := range replaceable(tree) {
		faults = append(faults, "hazard P29: anybody's "+name+" can be meant")
	}
	insert := insertOf(tree)
	if insert == nil {
		if tree.GetStmts()[0].GetStmt().GetSelectStmt() == nil {
			return []string{"it is neither an insert nor a select"}
		}
		return faults
	}
	fault := func(broken bool, text string) {
		if broken {
			faults = append(faults, text)
		}
	}
	conflict := insert.GetOnConflictClause()
	fault(conflict == nil, "it has no ON CONFLICT")
	fault(!s.Case.Plain() && insert.GetRelation().GetAlias().GetAliasname() != "_t", "hazard P14: the table has no alias")
	target, written, set := indexColumns(conflict.GetInfer()), resultNames(insert.GetCols()), resultNames(conflict.GetTargetList())
	if conflict.GetInfer().GetConname() == "" {
		fault(len(target) == 0, "hazard P7: the target is not explicit")
		fault(!slices.Equal(target, s.Case.Key), "the target is not the key")
	}
	for _, c := range set {
		fault(slices.Contains(s.Case.Key, c), "hazard P11: the key column "+c+" is assigned")
		fault(!slices.Contains(written, c), "hazard P12: "+c+" is assigned but not inserted")
	}
	nothing := conflict.GetAction() == pg.OnConflictAction_ONCONFLICT_NOTHING
	fault(nothing && conflict.GetWhereClause() != nil, "hazard S2: DO NOTHING with a WHERE")
	fault(!nothing && conflict.GetWhereClause() == nil, "hazard P13: a row that is the same would be written")
	fault(hasParam(conflict.GetInfer().GetWhereClause()), "hazard P1: a parameter in the index's predicate")
	return faults
}

// insertOf returns the insert that a statement is, or the one that it counts the rows of, which is the last part of WITH.
func insertOf(tree *pg.ParseResult) *pg.InsertStmt {
	node := tree.GetStmts()[0].GetStmt()
	if ctes := node.GetSelectStmt().GetWithClause().GetCtes(); len(ctes) > 0 {
		if insert := ctes[len(ctes)-1].GetCommonTableExpr().GetCtequery().GetInsertStmt(); insert != nil {
			return insert
		}
	}
	return node.GetInsertStmt()
}

func indexColumns(infer *pg.InferClause) (names []string) {
	for _, e := range infer.GetIndexElems() {
		names = append(names, e.GetIndexElem().GetName())
	}
	return names
}

func resultNames(targets []*pg.Node) (names []string) {
	for _, r := range targets {
		names = append(names, r.GetResTarget().GetName())
	}
	return names
}

func hasParam(n *pg.Node) bool { return strings.Contains(n.String(), "param_ref") }

// TestPostgresPredicate: the index's predicate stands in an insert's target and nowhere else there, and in whatever looks for the
// stored row.
func TestPostgresPredicate(t *testing.T) {
	t.Parallel()
	inserts, looks := 0, 0
	for _, s := range statements(t, "postgres") {
		tree, err := pg.Parse(s.SQL)
		if err != nil {
			t.Fatal(err)
		}
		insert := insertOf(tree)
		has := insert.GetOnConflictClause().GetInfer().GetWhereClause() != nil
		if insert == nil {
			has = strings.Contains(s.SQL, "(deleted_at IS NULL)") || strings.Contains(s.SQL, "(title > '')")
		}
		switch want := strings.Contains(s.Case.Name, "index-where"); {
		case has != want:
			t.Errorf("%s: a predicate: %v\n%s", s.Case.Name, has, s.SQL)
		case has && insert != nil:
			inserts++
		case has:
			looks++
		}
	}
	if inserts == 0 || looks == 0 {
		t.Errorf("%d inserts and %d look-ups have a predicate", inserts, looks)
	}
}

// TestPostgresParserRefuses: what the parser is trusted with, it does refuse.
func TestPostgresParserRefuses(t *testing.T) {
	t.Parallel()
	for _, broken := range []string{
		`INSERT INTO "t" AS "_t" ("a") VALUES ($1) ON CONFLICT ("a") DO NOTHING WHERE "a" > 1`,
		`INSERT INTO "t" AS "_t" ("a") VALUES ($1) ON CONFLICT DO UPDATE SET "a" = 1 "b" = 2`,
		`INSERT INTO "t" AS "_t" ("a") VALUES ($1) ON CONFLICT ("a") DO UPDATE SET`,
		`INSERT INTO "t" AS "_t" ("a") VALUES ($1) ON DUPLICATE KEY UPDATE "a" = 1`,
		`INSERT INTO "t" AS "_t" ("a") VALUES ($1), ON CONFLICT ("a") DO NOTHING`,
		`MERGE INTO "t" USING (VALUES ($1)) AS "n" ("a") ON "t"."a" = "n"."a" WHEN MATCHED UPDATE SET "b" = 1`,
		`REPLACE INTO "t" ("a") VALUES ($1)`,
		`SELECT "a" FROM "t" WHERE "a" IS DISTINCT "b"`,
	} {
		if _, err := pg.Parse(broken); err == nil {
			t.Errorf("the parser takes\n%s", broken)
		}
	}
}

// TestPostgresFaultsAreSeen: each structural check fails on a statement that has its fault.
func TestPostgresFaultsAreSeen(t *testing.T) {
	t.Parallel()
	for fault, query := range map[string]string{
		"no ON CONFLICT": `INSERT INTO "t" AS "_t" ("id") VALUES ($1)`,
		"P14":            `INSERT INTO "t" ("id") VALUES ($1) ON CONFLICT ("id") DO NOTHING`,
		"P7":             `INSERT INTO "t" AS "_t" ("id") VALUES ($1) ON CONFLICT DO NOTHING`,
		"not the key":    `INSERT INTO "t" AS "_t" ("id", "v") VALUES ($1, $2) ON CONFLICT ("v") DO NOTHING`,
		"P11":            `INSERT INTO "t" AS "_t" ("id", "v") VALUES ($1, $2) ON CONFLICT ("id") DO UPDATE SET "id" = EXCLUDED."id"`,
		"P12":            `INSERT INTO "t" AS "_t" ("id") VALUES ($1) ON CONFLICT ("id") DO UPDATE SET "v" = EXCLUDED."v"`,
		"P13":            `INSERT INTO "t" AS "_t" ("id", "v") VALUES ($1, $2) ON CONFLICT ("id") DO UPDATE SET "v" = EXCLUDED."v"`,
		"P1":             `INSERT INTO "t" AS "_t" ("id", "v") VALUES ($1, $2) ON CONFLICT ("id") WHERE "v" = $3 DO NOTHING`,
		"hazard P7: ":    `WITH "_w" AS (INSERT INTO "t" AS "_t" ("id") VALUES ($1) ON CONFLICT DO NOTHING RETURNING 1) SELECT COUNT(*) FROM "_w"`,
		"neither":        `MERGE INTO "t" USING (VALUES ($1)) AS "n" ("a") ON "t"."a" = "n"."a" WHEN MATCHED THEN UPDATE SET "b" = 1`,
		"not one":        `SELECT 1; SELECT 2`,
	} {
		tree, err := pg.Parse(query)
		if err != nil {
			t.Fatal(err)
		}
		s := syntaxtest.Statement{Case: &syntaxtest.Case{Key: []string{"id"}}, SQL: query}
		if got := strings.Join(postgresFaults(s, tree), "; "); !strings.Contains(got, fault) {
			t.Errorf("want a fault with %q, have %q for\n%s", fault, got, query)
		}
	}
}
