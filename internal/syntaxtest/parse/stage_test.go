package parse_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/syntaxtest"
	pg "github.com/pganalyze/pg_query_go/v6"
	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
)

// stages are the statements of staging tables.
func stages(t *testing.T, variants ...string) (out []syntaxtest.Statement) {
	t.Helper()
	for _, s := range statements(t, variants...) {
		if s.Case.Stage() {
			out = append(out, s)
		}
	}
	if len(out) < 9*len(variants) {
		t.Fatalf("%d statements of %v", len(out), variants)
	}
	return out
}

// isStage tells a staging table's name: none that is another's.
func isStage(name string) bool { return strings.HasPrefix(name, "_upsert_stage") }

// TestPostgresStage: PostgreSQL's parser takes the statements of a staging table, and what it reads in them is a temporary
// table that goes with the transaction, and nothing that another table could be meant by.
func TestPostgresStage(t *testing.T) {
	t.Parallel()
	for _, s := range stages(t, "postgres", "postgres-18") {
		tree, err := pg.Parse(s.SQL)
		if err != nil || len(tree.GetStmts()) != 1 {
			t.Errorf("%s on %s: %v\n%s", s.Case.Name, s.Variant.Name, err, s.SQL)
			continue
		}
		for _, name := range replaceable(tree) {
			t.Errorf("%s on %s: hazard P29: anybody's %s can be meant\n%s", s.Case.Name, s.Variant.Name, name, s.SQL)
		}
		if fault := postgresStageFault(tree.GetStmts()[0].GetStmt()); fault != "" {
			t.Errorf("%s on %s: %s\n%s", s.Case.Name, s.Variant.Name, fault, s.SQL)
		}
	}
}

func postgresStageFault(n *pg.Node) string {
	temporary := func(schema, name string) string {
		if schema != "pg_temp" || !isStage(name) {
			return fmt.Sprintf("it is about the table %q of %q", name, schema)
		}
		return ""
	}
	if c := n.GetCreateTableAsStmt(); c != nil {
		into := c.GetInto()
		if into.GetRel().GetRelpersistence() != "t" || into.GetOnCommit() != pg.OnCommitAction_ONCOMMIT_DROP || !into.GetSkipData() || !isStage(into.GetRel().GetRelname()) {
			return "it is no temporary table without rows that goes with the transaction"
		}
		return ""
	}
	if c := n.GetCopyStmt(); c != nil {
		if !c.GetIsFrom() || c.GetIsProgram() || c.GetFilename() != "" || len(c.GetAttlist()) == 0 || len(c.GetOptions()) != 0 {
			return "it is no COPY of columns FROM STDIN in the text format"
		}
		return temporary(c.GetRelation().GetSchemaname(), c.GetRelation().GetRelname())
	}
	if c := n.GetInsertStmt(); c != nil { // a run of the staged rows, from one staging table into another
		from := c.GetSelectStmt().GetSelectStmt().GetFromClause()
		if len(from) != 1 || c.GetRelation().GetRelname() == from[0].GetRangeVar().GetRelname() {
			return "it takes rows from something else than another staging table"
		}
		if fault := temporary(c.GetRelation().GetSchemaname(), c.GetRelation().GetRelname()); fault != "" {
			return fault
		}
		return temporary(from[0].GetRangeVar().GetSchemaname(), from[0].GetRangeVar().GetRelname())
	}
	if c := n.GetTruncateStmt(); c != nil {
		if len(c.GetRelations()) != 1 {
			return "it is about several tables"
		}
		return temporary(c.GetRelations()[0].GetRangeVar().GetSchemaname(), c.GetRelations()[0].GetRangeVar().GetRelname())
	}
	if c := n.GetSelectStmt(); c != nil && len(c.GetFromClause()) == 0 {
		for _, target := range c.GetTargetList() {
			call := target.GetResTarget().GetVal().GetFuncCall()
			if len(call.GetArgs()) != 3 || callee(call) != "pg_catalog.set_config" || !call.GetArgs()[2].GetAConst().GetBoolval().GetBoolval() {
				return "it does something else than to set what the planner does in this transaction"
			}
		}
		return ""
	}
	if c := n.GetSelectStmt(); c != nil { // what the catalog says
		if len(c.GetLockingClause()) != 0 || hasParam(n) || c.GetFromClause()[0].GetRangeVar().GetSchemaname() != "pg_catalog" {
			return "it asks for something else than the catalog"
		}
		return ""
	}
	drop := n.GetDropStmt()
	if drop == nil || len(drop.GetObjects()) != 1 || drop.GetBehavior() == pg.DropBehavior_DROP_CASCADE {
		return "it is none of the statements of a staging table"
	}
	parts := drop.GetObjects()[0].GetList().GetItems()
	if len(parts) != 2 {
		return "it drops a table that is in no schema"
	}
	return temporary(parts[0].GetString_().GetSval(), parts[1].GetString_().GetSval())
}

// asMySQLStage takes out of a statement of MariaDB's what only a real one can read.
func asMySQLStage(text string) string {
	return strings.Replace(text, " ENGINE=Aria TRANSACTIONAL=0", "", 1)
}

// TestMySQLStage: TiDB's parser, which reads what MySQL's LOAD DATA says to the end as Vitess's does not, takes the
// statements of a staging table. That a table of the engine Aria is made is left to a real MariaDB.
func TestMySQLStage(t *testing.T) {
	t.Parallel()
	p, kinds := parser.New(), map[string]int{}
	for _, s := range stages(t, "mysql", "mysql-8.0.36", "mariadb-10.11") {
		text := asMySQLStage(s.SQL)
		if creates := strings.HasPrefix(text, "CREATE "); (text != s.SQL) != (creates && s.Variant.Name == "mariadb-10.11") {
			t.Errorf("%s on %s: the engine\n%s", s.Case.Name, s.Variant.Name, s.SQL)
		}
		nodes, _, err := p.ParseSQL(text)
		if err != nil || len(nodes) != 1 {
			t.Errorf("%s on %s: %d statements, error %v\n%s", s.Case.Name, s.Variant.Name, len(nodes), err, text)
			continue
		}
		if fault := mysqlStageFault(nodes[0]); fault != "" {
			t.Errorf("%s on %s: %s\n%s", s.Case.Name, s.Variant.Name, fault, text)
		}
		kinds[fmt.Sprintf("%T", nodes[0])]++
	}
	if len(kinds) != 4 {
		t.Errorf("there are %v", kinds)
	}
}

func mysqlStageFault(n ast.StmtNode) string {
	table := func(names ...*ast.TableName) string {
		if len(names) != 1 || !isStage(names[0].Name.O) {
			return "it is about another table"
		}
		return ""
	}
	switch n := n.(type) {
	case *ast.CreateTableStmt:
		if n.TemporaryKeyword != ast.TemporaryLocal || n.Select == nil || n.IfNotExists || len(n.Options) != 0 {
			return "it is no temporary table"
		}
		rows, ok := n.Select.(*ast.SelectStmt)
		if !ok || rows.Limit == nil {
			return "it takes rows along"
		}
		return table(n.Table)
	case *ast.LoadDataStmt:
		if fault := loadFault(n); fault != "" {
			return fault
		}
		return table(n.Table)
	case *ast.DeleteStmt:
		if n.Where != nil || n.IgnoreErr {
			return "it leaves rows"
		}
		name, ok := n.TableRefs.TableRefs.Left.(*ast.TableSource)
		if !ok {
			return "it is about no table"
		}
		return table(name.Source.(*ast.TableName))
	case *ast.DropTableStmt:
		if n.TemporaryKeyword != ast.TemporaryLocal || !n.IfExists {
			return "it may drop a table that is no temporary one"
		}
		return table(n.Tables...)
	}
	return fmt.Sprintf("it is a %T", n)
}

// loadFault wants the separators that internal/rowtext writes.
func loadFault(n *ast.LoadDataStmt) string {
	switch fields, lines := n.FieldsInfo, n.LinesInfo; {
	case n.FileLocRef != ast.FileLocClient || !strings.HasPrefix(n.Path, "Reader::"):
		return "it is not read from the driver"
	case n.Charset == nil || *n.Charset != "utf8mb4":
		return "its character set is the server's choice"
	case n.OnDuplicate != ast.OnDuplicateKeyHandlingIgnore || n.IgnoreLines != nil:
		return "it is not LOCAL, or leaves lines out"
	case fields == nil || fields.Terminated == nil || *fields.Terminated != "\t" || fields.Escaped == nil || *fields.Escaped != `\` || fields.Enclosed != nil:
		return "its fields are others"
	case lines == nil || lines.Terminated == nil || *lines.Terminated != "\n" || lines.Starting != nil:
		return "its lines are others"
	case len(n.ColumnsAndUserVars) == 0 || slices.ContainsFunc(n.ColumnsAndUserVars, func(c *ast.ColumnNameOrUserVar) bool { return c.ColumnName == nil }):
		return "it names no columns"
	}
	return ""
}

// TestStageFaultsAreSeen: each structural check fails on a statement that has its fault.
func TestStageFaultsAreSeen(t *testing.T) {
	t.Parallel()
	for query, fault := range map[string]string{
		`CREATE TABLE "_upsert_stage" AS SELECT "a" FROM "t" WITH NO DATA`:                  "no temporary",
		`CREATE TEMPORARY TABLE "_upsert_stage" AS SELECT "a" FROM "t" WITH NO DATA`:        "no temporary",
		`CREATE TEMPORARY TABLE "_upsert_stage" ON COMMIT DROP AS SELECT "a" FROM "t"`:      "no temporary",
		`CREATE TEMPORARY TABLE "other" ON COMMIT DROP AS SELECT "a" FROM "t" WITH NO DATA`: "no temporary",
		`COPY "_upsert_stage" ("a") FROM STDIN`:                                             "of \"\"",
		`COPY "pg_temp"."_upsert_stage" FROM STDIN`:                                         "no COPY",
		`COPY "pg_temp"."_upsert_stage" ("a") TO STDOUT`:                                    "no COPY",
		`COPY "pg_temp"."_upsert_stage" ("a") FROM STDIN (FORMAT csv)`:                      "no COPY",
		`COPY "pg_temp"."_upsert_stage" ("a") FROM '/etc/hosts'`:                            "no COPY",
		`TRUNCATE "t"`:                          "about the table",
		`TRUNCATE "pg_temp"."_upsert_stage", t`: "several",
		`DROP TABLE "_upsert_stage"`:            "in no schema",
		`DROP TABLE "app"."_upsert_stage"`:      "of \"app\"",
		`SELECT 1 FROM "t"`:                     "the catalog",
		`DELETE FROM "pg_temp"."_upsert_stage"`: "none of",
	} {
		tree, err := pg.Parse(query)
		if err != nil {
			t.Fatal(err)
		}
		if got := postgresStageFault(tree.GetStmts()[0].GetStmt()); got == "" || !strings.Contains(got, fault) {
			t.Errorf("want a fault with %q, have %q for\n%s", fault, got, query)
		}
	}
	const load = "LOAD DATA LOCAL INFILE 'Reader::upsert1' INTO TABLE `_upsert_stage` CHARACTER SET utf8mb4 FIELDS TERMINATED BY X'09' ESCAPED BY X'5C' LINES TERMINATED BY X'0A' (`a`)"
	p := parser.New()
	for query, fault := range map[string]string{
		"CREATE TABLE `_upsert_stage` SELECT `a` FROM `t` LIMIT 0":   "no temporary",
		"CREATE TEMPORARY TABLE `_upsert_stage` SELECT `a` FROM `t`": "rows along",
		"CREATE TEMPORARY TABLE `other` SELECT `a` FROM `t` LIMIT 0": "another table",
		"DELETE FROM `t`": "another table",
		"DELETE FROM `_upsert_stage` WHERE `a` = 1":                  "leaves rows",
		"DROP TABLE IF EXISTS `_upsert_stage`":                       "no temporary one",
		"DROP TEMPORARY TABLE `_upsert_stage`":                       "no temporary one",
		"TRUNCATE TABLE `_upsert_stage`":                             "it is a",
		strings.Replace(load, "LOCAL ", "", 1):                       "not read from the driver",
		strings.Replace(load, "Reader::", "/etc/", 1):                "not read from the driver",
		strings.Replace(load, "CHARACTER SET utf8mb4 ", "", 1):       "the server's choice",
		strings.Replace(load, "X'09'", "X'2C'", 1):                   "its fields",
		strings.Replace(load, " ESCAPED BY X'5C'", "", 1):            "its fields",
		strings.Replace(load, "X'0A'", "X'0D'", 1):                   "its lines",
		strings.Replace(load, "(`a`)", "(@a)", 1):                    "no columns",
		strings.Replace(load, "INTO TABLE", "REPLACE INTO TABLE", 1): "not LOCAL",
		strings.Replace(load, "X'0A'", "X'0A' IGNORE 1 LINES", 1):    "leaves lines out",
		strings.Replace(load, "`_upsert_stage`", "`app`.`t`", 1):     "another table",
	} {
		nodes, _, err := p.ParseSQL(query)
		if err != nil {
			t.Fatalf("%v\n%s", err, query)
		}
		if got := mysqlStageFault(nodes[0]); got == "" || !strings.Contains(got, fault) {
			t.Errorf("want a fault with %q, have %q for\n%s", fault, got, query)
		}
	}
}
