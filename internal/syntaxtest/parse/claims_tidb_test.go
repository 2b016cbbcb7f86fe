package parse_test

import (
	"testing"

	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
)

// TestClaimsTiDB: a second grammar of MySQL takes every statement as well. Package keys does not run on TiDB; its parser
// knows rows of VALUES, and Vitess's parser does not.
func TestClaimsTiDB(t *testing.T) {
	t.Parallel()
	p, filters := parser.New(), 0
	for _, s := range claimStatements(t, "mysql-8.0.36", "mariadb-10.11", "mariadb-10.5") {
		text := s.Text
		if s.Variant.Dialect.Name() == "mariadb" {
			text, _ = asMySQL(text)
		}
		nodes, _, err := p.ParseSQL(text)
		if err != nil || len(nodes) != 1 {
			t.Errorf("%s: %d statements, error %v\n%s", s, len(nodes), err, text)
			continue
		}
		insert, ok := nodes[0].(*ast.InsertStmt)
		if s.Case.Name != "filter" || !ok {
			continue
		}
		source, ok := insert.Select.(*ast.SelectStmt)
		if !ok || source.With == nil || len(source.With.CTEs) != 1 {
			t.Errorf("%s: its source is no SELECT from one table of the statement's own\n%s", s, text)
			continue
		}
		rows, ok := source.With.CTEs[0].Query.Query.(*ast.SelectStmt)
		if !ok || rows.Kind != ast.SelectStmtKindValues || len(rows.Lists) != 2 || len(source.With.CTEs[0].ColNameList) != 2 {
			t.Errorf("%s: its own table is not of two rows and two columns\n%s", s, text)
		}
		filters++
	}
	if filters != 6 {
		t.Errorf("%d statements of Filter were seen", filters)
	}
}
