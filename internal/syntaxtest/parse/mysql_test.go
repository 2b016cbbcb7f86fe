package parse_test

import (
	"slices"
	"strings"
	"testing"

	"vitess.io/vitess/go/vt/sqlparser"
)

func mysqlParser(t *testing.T) *sqlparser.Parser {
	t.Helper()
	p, err := sqlparser.New(sqlparser.Options{MySQLServerVersion: "8.0.36"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestMySQLParses: a MySQL 8 grammar takes every statement of its family but MariaDB's with RETURNING, which MySQL has
// not and which run on a real MariaDB.
func TestMySQLParses(t *testing.T) {
	t.Parallel()
	parser := mysqlParser(t)
	parsed, left := 0, 0
	for _, s := range statements(t, "mysql", "mysql-8.0.36", "mariadb-10.11", "tidb", "vitess") {
		if s.Case.Stage() {
			continue // this grammar skips what LOAD DATA says: TestMySQLStage gives it to another
		}
		if strings.Contains(s.SQL, " RETURNING ") {
			left++
			if s.Variant.Name != "mariadb-10.11" {
				t.Errorf("%s on %s has RETURNING\n%s", s.Case.Name, s.Variant.Name, s.SQL)
			}
			continue
		}
		statement, err := parser.Parse(s.SQL)
		if err != nil {
			t.Errorf("%s on %s: %v\n%s", s.Case.Name, s.Variant.Name, err, s.SQL)
			continue
		}
		parsed++
		for _, fault := range mysqlFaults(s.Case.Key, s.Variant.Name == "mysql-8.0.36", s.Case.Plain(), statement) {
			t.Errorf("%s on %s: %s\n%s", s.Case.Name, s.Variant.Name, fault, s.SQL)
		}
	}
	t.Logf("%d statements parsed; %d of MariaDB with RETURNING are left to a real MariaDB", parsed, left)
	if left == 0 || parsed < 10*left {
		t.Errorf("%d statements parsed and %d left out", parsed, left)
	}
}

// mysqlFaults tells what is wrong with a statement that parses. aliased: its new row must have an alias, else it must not. plain: it
// need not compare the key.
func mysqlFaults(key []string, aliased, plain bool, statement sqlparser.Statement) (faults []string) {
	insert, ok := statement.(*sqlparser.Insert)
	if !ok {
		if _, ok := statement.(*sqlparser.Select); !ok {
			faults = append(faults, "it is neither an insert nor a select")
		}
		return faults
	}
	fault := func(broken bool, text string) {
		if broken {
			faults = append(faults, text)
		}
	}
	fault(insert.Action != sqlparser.InsertAct, "hazard S7: it is a REPLACE")
	fault(bool(insert.Ignore), "hazard H12: it has IGNORE")
	_, values := insert.Rows.(sqlparser.Values)
	fault((insert.RowAlias != nil) != (aliased && values), "hazard H11: the row alias")
	if len(insert.OnDup) == 0 {
		return append(faults, "it has no ON DUPLICATE KEY UPDATE")
	}
	table, err := insert.Table.TableName()
	if err != nil {
		return append(faults, err.Error())
	}
	if insert.RowAlias != nil {
		fault(strings.EqualFold(insert.RowAlias.TableName.String(), table.Name.String()), "hazard H11: the alias is the table's name")
	}
	guarded := comparedKeys(insert.OnDup[0], table.Name.String())
	fault(!plain && !slices.Equal(guarded, key), "hazard H10: the first assignment does not compare the key, but "+strings.Join(guarded, ", "))
	var done []string
	for i, set := range insert.OnDup {
		name := set.Name.Name.String()
		fault(!plain && i == 0 && (len(key) == 0 || name != key[0]), "hazard H13: the first assignment is not the key's")
		fault(i > 0 && slices.Contains(key, name), "hazard P11: the key column "+name+" is assigned")
		fault(insert.Columns.FindColumn(set.Name.Name) < 0, "hazard P12: "+name+" is assigned but not inserted")
		fault(slices.Contains(done, name), name+" is assigned twice")
		for _, read := range stored(set.Expr, table.Name.String()) {
			fault(slices.Contains(done, read) && !slices.Contains(key, read), "hazard H16: "+name+" reads "+read+", which has been assigned before")
		}
		done = append(done, name)
	}
	return faults
}

// stored returns the columns of the stored row that an expression reads: those that the table qualifies.
func stored(e sqlparser.Expr, table string) (names []string) {
	_ = sqlparser.Walk(func(n sqlparser.SQLNode) (bool, error) {
		if c, ok := n.(*sqlparser.ColName); ok && c.Qualifier.Name.String() == table {
			names = append(names, c.Name.String())
		}
		return true, nil
	}, e)
	return names
}

// comparedKeys returns the stored columns in the condition of the guard, IF(key is the same, key, failure), or none if
// the expression is no such guard.
func comparedKeys(guard *sqlparser.UpdateExpr, table string) []string {
	args := ifArguments(guard.Expr)
	if args == nil || !fails(args[2], table, guard.Name.Name.String()) {
		return nil
	}
	return stored(args[0], table)
}

// fails tells whether an expression is NULL by way of an addition that is beyond BIGINT UNSIGNED, error 1690. It must read
// the stored key: an optimizer would evaluate a constant that IF does not reach.
func fails(e sqlparser.Expr, table, key string) bool {
	args := ifArguments(e)
	if args == nil || !isNullOf(args[1], table, key) || !isNull(args[2]) {
		return false
	}
	compared, ok := args[0].(*sqlparser.ComparisonExpr)
	if !ok {
		return false
	}
	sum, ok := compared.Left.(*sqlparser.BinaryExpr)
	if !ok || sum.Operator != sqlparser.PlusOp || sqlparser.String(sum.Left) != "18446744073709551615" {
		return false
	}
	more, ok := sum.Right.(*sqlparser.BinaryExpr)
	return ok && more.Operator == sqlparser.PlusOp && sqlparser.String(more.Right) == "1" && slices.Equal(stored(more.Left, table), []string{key})
}

// ifArguments returns the three arguments of IF, or nil.
func ifArguments(e sqlparser.Expr) []sqlparser.Expr {
	call, ok := e.(*sqlparser.FuncExpr)
	if !ok || call.Name.Lowered() != "if" || len(call.Exprs) != 3 {
		return nil
	}
	return call.Exprs
}

// isNullOf tells whether an expression is the NULL of the key's own type, NULLIF(key, key): a plain NULL would
// make text of the whole guard if the key is a BIT.
func isNullOf(e sqlparser.Expr, table, key string) bool {
	call, ok := e.(*sqlparser.FuncExpr)
	return ok && call.Name.Lowered() == "nullif" && len(call.Exprs) == 2 && sqlparser.String(call.Exprs[0]) == sqlparser.String(call.Exprs[1]) &&
		slices.Equal(stored(call.Exprs[0], table), []string{key})
}

func isNull(e sqlparser.Expr) bool {
	_, ok := e.(*sqlparser.NullVal)
	return ok
}

// TestMySQLParserRefuses: what the parser is trusted with, it does refuse.
func TestMySQLParserRefuses(t *testing.T) {
	t.Parallel()
	parser := mysqlParser(t)
	for _, broken := range []string{
		"INSERT INTO `t` (`a`) VALUES (?) ON DUPLICATE KEY UPDATE `a` = 1 WHERE `a` > 1",
		"INSERT INTO `t` (`a`) VALUES (?) ON CONFLICT (`a`) DO NOTHING",
		"INSERT INTO `t` (`a`) VALUES (?) ON CONFLICT (`a`) DO NOTHING WHERE `a` > 1",
		"INSERT INTO `t` (`a`) VALUES (?) ON DUPLICATE KEY UPDATE",
		"INSERT INTO `t` (`a`) VALUES (?) ON DUPLICATE KEY UPDATE `a` = 1 `b` = 2",
		"INSERT INTO `t` (`a`) VALUES (?) ON DUPLICATE KEY UPDATE `a` = IF(`a` <=> VALUES(`a`), `a`, IF(1 + (LENGTH(`a`) + ) > 0, NULL, NULL))",
		"INSERT INTO `t` (`a`) VALUES (?) ON DUPLICATE KEY UPDATE `a` = 1 RETURNING `a`",
		"INSERT INTO `t` (`a`) VALUES (?) ON DUPLICATE KEY UPDATE `a` = 1 AS `_new`",
		"MERGE INTO `t` USING `n` ON `t`.`a` = `n`.`a` WHEN MATCHED THEN UPDATE SET `b` = 1",
		"SELECT `a` FROM `t` WHERE `a` = ? LOCK IN SHARED MODE",
	} {
		if _, err := parser.Parse(broken); err == nil {
			t.Errorf("the parser takes\n%s", broken)
		}
	}
}

// TestMySQLFaultsAreSeen: each structural check fails on a statement that has its fault.
func TestMySQLFaultsAreSeen(t *testing.T) {
	t.Parallel()
	parser := mysqlParser(t)
	const failure = "IF(18446744073709551615 + (LENGTH(`t`.`id`) + 1) > 0, NULLIF(`t`.`id`, `t`.`id`), NULL)"
	const guard = " ON DUPLICATE KEY UPDATE `id` = IF(`t`.`id` <=> VALUES(`id`), `t`.`id`, " + failure + ")"
	const insert = "INSERT INTO `t` (`id`, `v`, `w`) VALUES (?, ?, ?)"
	for query, fault := range map[string]string{
		"REPLACE INTO `t` (`id`) VALUES (?)":                                              "S7",
		"INSERT IGNORE INTO `t` (`id`, `v`, `w`) VALUES (?, ?, ?)" + guard:                "H12",
		insert + " AS `_new`" + guard:                                                     "H11",
		insert:                                                                            "no ON DUPLICATE",
		insert + " ON DUPLICATE KEY UPDATE `id` = `t`.`id`":                               "H10",
		insert + strings.Replace(guard, "`t`.`id` <=>", "`t`.`v` <=>", 1):                 "H10",
		insert + strings.Replace(guard, failure, "NULL", 1):                               "H10",
		insert + strings.Replace(guard, failure, "(SELECT 1 UNION ALL SELECT 2)", 1):      "H10",
		insert + strings.Replace(guard, "18446744073709551615", "9223372036854775807", 1): "H10",
		insert + strings.Replace(guard, "15 + ", "15 - ", 1):                              "H10",
		insert + strings.Replace(guard, ") + 1", ") + 0", 1):                              "H10",
		insert + strings.Replace(guard, "LENGTH(`t`.`id`)", "1", 1):                       "H10",
		insert + strings.Replace(guard, "LENGTH(`t`.`id`)", "LENGTH(`t`.`v`)", 1):         "H10",
		insert + strings.Replace(guard, "NULLIF(`t`.`id`, `t`.`id`)", "`t`.`id`", 1):      "H10",
		insert + strings.Replace(guard, "`id` =", "`v` =", 1):                             "H13",
		insert + guard + ", `id` = VALUES(`id`)":                                          "P11",
		insert + guard + ", `x` = VALUES(`x`)":                                            "P12",
		insert + guard + ", `v` = VALUES(`v`), `v` = VALUES(`w`)":                         "twice",
		insert + guard + ", `v` = VALUES(`v`), `w` = IF(`t`.`v` <=> 1, 2, `t`.`w`)":       "H16",
		"UPDATE `t` SET `v` = 1":                                                          "neither",
	} {
		statement, err := parser.Parse(query)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(mysqlFaults([]string{"id"}, false, false, statement), "; "); !strings.Contains(got, fault) {
			t.Errorf("want a fault with %q, have %q for\n%s", fault, got, query)
		}
	}
}
