package parse_test

import (
	"strings"
	"testing"

	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	_ "github.com/pingcap/tidb/pkg/parser/test_driver" // the parser's literals
)

// TestTiDBParses: TiDB's own parser takes every statement that goes to it. The text is the text for a MySQL whose
// version is not known, so these statements are tried too.
func TestTiDBParses(t *testing.T) {
	t.Parallel()
	p := parser.New()
	for _, s := range statements(t, "tidb", "mysql", "vitess") {
		if s.Case.Stage() {
			continue // TestMySQLStage
		}
		nodes, _, err := p.ParseSQL(s.SQL)
		if err != nil || len(nodes) != 1 {
			t.Errorf("%s on %s: %d statements, error %v\n%s", s.Case.Name, s.Variant.Name, len(nodes), err, s.SQL)
			continue
		}
		switch n := nodes[0].(type) {
		case *ast.InsertStmt:
			if n.IsReplace || n.IgnoreErr || len(n.OnDuplicate) == 0 {
				t.Errorf("%s on %s: REPLACE %v, IGNORE %v, %d assignments\n%s", s.Case.Name, s.Variant.Name, n.IsReplace, n.IgnoreErr, len(n.OnDuplicate), s.SQL)
			}
		case *ast.SelectStmt:
		default:
			t.Errorf("%s on %s: it is a %T\n%s", s.Case.Name, s.Variant.Name, n, s.SQL)
		}
	}
}

// TestTiDBRefusesRowAlias: the row alias of MySQL 8.0.19 is none of TiDB's, which is why it is not written to TiDB though
// that calls itself 8.0 (hazard H11).
func TestTiDBRefusesRowAlias(t *testing.T) {
	t.Parallel()
	p, inserts := parser.New(), 0
	for _, s := range statements(t, "mysql-8.0.36") {
		if !strings.Contains(s.SQL, " AS `_new") {
			continue // a SELECT, or an insert of one
		}
		inserts++
		if _, _, err := p.ParseSQL(s.SQL); err == nil {
			t.Errorf("%s: TiDB's parser takes\n%s", s.Case.Name, s.SQL)
		}
	}
	if inserts < 30 {
		t.Errorf("there are only %d statements with a row alias", inserts)
	}
}

// TestTiDBParserRefuses: what the parser is trusted with, it does refuse.
func TestTiDBParserRefuses(t *testing.T) {
	t.Parallel()
	p := parser.New()
	for _, broken := range []string{
		"INSERT INTO `t` (`a`) VALUES (?) ON DUPLICATE KEY UPDATE `a` = 1 WHERE `a` > 1",
		"INSERT INTO `t` (`a`) VALUES (?) ON CONFLICT (`a`) DO NOTHING",
		"INSERT INTO `t` (`a`) VALUES (?) ON DUPLICATE KEY UPDATE `a` = IF(`a` <=> VALUES(`a`), `a`, IF(1 + (LENGTH(`a`) + ) > 0, NULL, NULL))",
		"INSERT INTO `t` (`a`) VALUES (?) ON DUPLICATE KEY UPDATE `a` = 1 RETURNING `a`",
		"MERGE INTO `t` USING `n` ON `t`.`a` = `n`.`a` WHEN MATCHED THEN UPDATE SET `b` = 1",
	} {
		if _, _, err := p.ParseSQL(broken); err == nil {
			t.Errorf("the parser takes\n%s", broken)
		}
	}
}
