package parse_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/syntaxtest"
	"github.com/goupsert/upsert/keys"
	"vitess.io/vitess/go/vt/sqlparser"
)

// asMySQL writes a statement of MariaDB's as MySQL has it, as far as it says something that no grammar here knows:
// RETURNING, SET STATEMENT … FOR, LOCK IN SHARE MODE SKIP LOCKED, and rows of VALUES without ROW. What is changed is shown by real MariaDB servers in the
// tests of package keys; the rest is read here.
func asMySQL(text string) (rewritten string, how []string) {
	if prefix, rest, ok := strings.Cut(text, " FOR "); ok && strings.HasPrefix(prefix, "SET STATEMENT ") {
		text, how = rest, append(how, "SET STATEMENT")
	}
	if rest, ok := strings.CutSuffix(text, " LOCK IN SHARE MODE SKIP LOCKED"); ok {
		text, how = rest+" FOR SHARE SKIP LOCKED", append(how, "SKIP LOCKED")
	}
	if rest, _, ok := strings.Cut(text, " RETURNING "); ok {
		text, how = rest, append(how, "RETURNING")
	}
	if before, rest, ok := strings.Cut(text, " AS (VALUES ("); ok {
		rows, after, _ := strings.Cut(rest, ")) SELECT ")
		text = before + rowsOfValues + strings.ReplaceAll(rows, "), (", "), ROW(") + ")) SELECT " + after
		how = append(how, "VALUES")
	}
	return text, how
}

const rowsOfValues = " AS (VALUES ROW("

// asUnion writes rows of VALUES as SELECTs: Vitess's grammar knows them in an INSERT only. TiDB's parser reads them as they
// are, in TestClaimsTiDB.
func asUnion(text string) string {
	before, rest, ok := strings.Cut(text, rowsOfValues)
	if !ok {
		return text
	}
	rows, after, _ := strings.Cut(rest, ")) SELECT ")
	return before + " AS (SELECT " + strings.ReplaceAll(rows, "), ROW(", " UNION ALL SELECT ") + ") SELECT " + after
}

// TestClaimsMySQL: a MySQL 8 grammar takes every statement of package keys, and reads in each what it is meant to be.
func TestClaimsMySQL(t *testing.T) {
	t.Parallel()
	parser, left := mysqlParser(t), map[string]int{}
	for _, s := range claimStatements(t, "mysql-5.7", "mysql-8.0.18", "mysql-8.0.36", "mariadb-10.11", "mariadb-10.5") {
		text, how := s.Text, []string(nil)
		if s.Variant.Dialect.Name() == "mariadb" {
			text, how = asMySQL(text)
		}
		for _, h := range how {
			left[h]++
		}
		statement, err := parser.Parse(asUnion(text))
		if err != nil {
			t.Errorf("%s: %v\n%s", s, err, text)
			continue
		}
		for _, fault := range mysqlClaimFaults(s, statement) {
			t.Errorf("%s: %s\n%s", s, fault, text)
		}
	}
	t.Logf("left to a real MariaDB: %v", left)
	for _, h := range []string{"SET STATEMENT", "RETURNING", "SKIP LOCKED", "VALUES"} {
		if left[h] == 0 {
			t.Errorf("no statement of MariaDB's has %s", h)
		}
	}
}

// mysqlClaimFaults tells what is wrong with a statement that parses.
func mysqlClaimFaults(s syntaxtest.ClaimStatement, statement sqlparser.Statement) (faults []string) {
	fault := func(broken bool, text string) {
		if broken {
			faults = append(faults, text)
		}
	}
	var set []string
	switch n := statement.(type) {
	case *sqlparser.Insert:
		fault(n.Action != sqlparser.InsertAct, "hazard S7: it is a REPLACE")
		fault(bool(n.Ignore), "hazard H12: it has IGNORE")
		set = onDuplicate(s.Case.Name, n, fault)
	case *sqlparser.Update:
		fault(n.Where == nil, "an UPDATE of all rows")
		fault(bool(n.Ignore), "hazard H12: it has IGNORE")
		for _, e := range n.Exprs {
			set = append(set, e.Name.Name.Lowered())
		}
	case *sqlparser.Delete:
		fault(n.Where == nil, "a DELETE of all rows")
	case *sqlparser.Select:
		want := sqlparser.NoLock
		switch {
		case rowLocks(s.Case.Name) && s.Variant.Name == "mariadb-10.5":
			want = sqlparser.ForUpdateLock
		case rowLocks(s.Case.Name) && s.Variant.Name == "mysql-5.7":
		case slices.Contains([]string{"lock", "lock-free", "lock-forgettable"}, s.Case.Name):
			want = sqlparser.ForUpdateLock
		case s.Case.Name == "look" && s.Variant.Name == "mysql-5.7":
			want = sqlparser.ShareModeLock
		case rowLocks(s.Case.Name):
			want = sqlparser.ForUpdateLockSkipLocked
		case slices.Contains([]string{"fetch", "marked", "attempts"}, s.Case.Name):
			want = sqlparser.ShareModeLock
		case s.Case.Name == "look":
			want = sqlparser.ForShareLockSkipLocked
		}
		fault(n.Lock != want, fmt.Sprintf("it ends in %q, and not in %q", n.Lock.ToString(), want.ToString()))
	case *sqlparser.Savepoint, *sqlparser.SRollback, *sqlparser.Release:
	case *sqlparser.Set:
		fault(s.Case.Name != "wait-set" && s.Case.Name != "wait-set-none" && s.Case.Name != "wait-back", "it is a SET")
	default:
		fault(true, fmt.Sprintf("it is a %T", n))
	}
	faults = append(faults, assigned(s.Case.Name, set)...)
	return append(faults, literalFaults(s, statement)...)
}

// recounts: who has counted is told by the owner, and the number by the attempts.
var recounts = []string{"result reads attempts", "result reads owner", "state reads attempts", "state reads owner"}

// rereads are the columns that an assignment reads after another has changed them, and that it is meant to (hazard H16).
var rereads = map[string][]string{
	"fail":      recounts,
	"fail-once": recounts,
}

// onDuplicate checks an insert's assignments, and returns what they change.
func onDuplicate(name string, n *sqlparser.Insert, fault func(bool, string)) (set []string) {
	table, err := n.Table.TableName()
	fault(err != nil, "it is into no table")
	fault(len(n.OnDup) == 0, "it has no ON DUPLICATE KEY UPDATE")
	var done, again []string
	for _, e := range n.OnDup {
		column := e.Name.Name.Lowered()
		read := stored(e.Expr, table.Name.String())
		fault(slices.Contains(done, column), column+" is assigned twice")
		fault(n.Columns.FindColumn(e.Name.Name) < 0, "hazard P12: "+column+" is assigned but not inserted")
		for _, r := range distinct(read) {
			if slices.Contains(done, r) {
				again = append(again, column+" reads "+r)
			}
		}
		unqualified(e.Expr, fault)
		done = append(done, column)
		if column == "key_hash" {
			same, ok := e.Expr.(*sqlparser.ColName)
			fault(!ok || same.Name.Lowered() != column || same.Qualifier.Name.String() != table.Name.String(), "the key is assigned something else than itself")
			fault(len(n.OnDup) != 1, "the key is assigned, and others as well")
			continue
		}
		set = append(set, column)
	}
	fault(!slices.Equal(again, rereads[name]), fmt.Sprintf("hazard H16: of columns that are assigned by then, %v, and not %v", again, rereads[name]))
	return set
}

// unqualified: a column without its table may be another one's, but in VALUES().
func unqualified(e sqlparser.Expr, fault func(bool, string)) {
	_ = sqlparser.Walk(func(n sqlparser.SQLNode) (bool, error) {
		if _, ok := n.(*sqlparser.ValuesFuncExpr); ok {
			return false, nil
		}
		c, ok := n.(*sqlparser.ColName)
		fault(ok && c.Qualifier.IsEmpty(), "a column without its table")
		return true, nil
	}, e)
}

// literalFaults looks at each value of a statement.
func literalFaults(s syntaxtest.ClaimStatement, statement sqlparser.Statement) (faults []string) {
	params := 0
	_ = sqlparser.Walk(func(n sqlparser.SQLNode) (bool, error) {
		switch v := n.(type) {
		case *sqlparser.Argument:
			params++
		case *sqlparser.Literal:
			text := v.Type == sqlparser.StrVal || v.Type == sqlparser.DateVal || v.Type == sqlparser.TimestampVal || v.Type == sqlparser.HexVal
			if text && !harmless(v.Val) {
				faults = append(faults, fmt.Sprintf("the text %q", v.Val))
			}
			// Plain text is in the connection's character set, and what its quotes end at depends on sql_mode.
			if v.Type == sqlparser.StrVal && v.Val != "" && v.Val != "1970-01-01" {
				faults = append(faults, fmt.Sprintf("%q is no hexadecimal literal", v.Val))
			}
		case *sqlparser.CurTimeFuncExpr:
			if name := v.Name.Lowered(); name != "utc_timestamp" || v.Fsp != 6 {
				faults = append(faults, "the time is "+name)
			}
		case *sqlparser.Default:
			faults = append(faults, "a default")
		}
		return true, nil
	}, statement)
	if params != len(s.Args) || !s.Bind && params > 0 {
		faults = append(faults, fmt.Sprintf("%d parameters for %d arguments", params, len(s.Args)))
	}
	return faults
}

// TestClaimsMySQLFaultsAreSeen: each structural check fails on a statement that has its fault.
func TestClaimsMySQLFaultsAreSeen(t *testing.T) {
	t.Parallel()
	parser := mysqlParser(t)
	const insert = "INSERT INTO `t` (`key_hash`, `state`, `owner`, `attempts`) VALUES (x'00', 1, x'00', 1)"
	const same = " ON DUPLICATE KEY UPDATE `key_hash` = `t`.`key_hash`"
	for _, c := range []struct{ name, fault, query string }{
		{"claim", "S7", "REPLACE INTO `t` (`key_hash`) VALUES (x'00')"},
		{"claim", "H12", "INSERT IGNORE INTO `t` (`key_hash`) VALUES (x'00')" + same},
		{"claim", "no ON DUPLICATE", insert},
		{"claim", "something else", insert + " ON DUPLICATE KEY UPDATE `key_hash` = VALUES(`key_hash`)"},
		{"claim", "something else", insert + " ON DUPLICATE KEY UPDATE `key_hash` = `t`.`owner`"},
		{"claim", "something else", insert + " ON DUPLICATE KEY UPDATE `key_hash` = `key_hash`"},
		{"claim", "without its table", insert + " ON DUPLICATE KEY UPDATE `key_hash` = `key_hash`"},
		{"claim", "others as well", insert + same + ", `state` = 1"},
		{"claim", "assigns state", insert + same + ", `state` = 1"},
		{"fail", "twice", insert + " ON DUPLICATE KEY UPDATE `state` = 1, `state` = 2"},
		{"fail", "P12", insert + " ON DUPLICATE KEY UPDATE `result` = NULL"},
		{"filter", "H16", insert + " ON DUPLICATE KEY UPDATE `state` = 2, `owner` = IF(`t`.`state` = 4, VALUES(`owner`), `t`.`owner`)"},
		{"fail", "H16", insert + " ON DUPLICATE KEY UPDATE `owner` = VALUES(`owner`), `attempts` = `t`.`attempts` + (`t`.`owner` <> VALUES(`owner`))"},
		{"record", "indexed column expires_at", "UPDATE `t` SET `expires_at` = UTC_TIMESTAMP(6) WHERE `key_hash` = x'00'"},
		{"record", "all rows", "UPDATE `t` SET `state` = 2"},
		{"remove", "all rows", "DELETE FROM `t`"},
		{"remove", "a *sqlparser", "TRUNCATE TABLE `t`"},
		{"claim", "it is a SET", "SET SESSION innodb_lock_wait_timeout = 1"},
		{"look", "it ends in", "SELECT 1 FROM `t` FOR UPDATE"},
		{"fetch", "it ends in", "SELECT 1 FROM `t`"},
		{"expired", "it ends in", "SELECT 1 FROM `t` FOR UPDATE"},
		{"expired", "it ends in", "SELECT 1 FROM `t` FOR UPDATE NOWAIT"},
		{"fetch", `the text "shop"`, "SELECT 1 FROM `t` WHERE `scope` = 'shop'"},
		{"fetch", "no hexadecimal", "SELECT 1 FROM `t` WHERE `scope` = '00'"},
		{"fetch", "the time is now", "SELECT NOW(6)"},
		{"fetch", "the time is utc_timestamp", "SELECT UTC_TIMESTAMP()"},
		{"fetch", "1 parameters for 0", "SELECT ?"},
	} {
		statement, err := parser.Parse(c.query)
		if err != nil {
			t.Fatal(err)
		}
		s := syntaxtest.ClaimStatement{Case: syntaxtest.ClaimCase{Name: c.name}, Variant: syntaxtest.Variant{Name: "mysql-8.0.36"}}
		if have := strings.Join(mysqlClaimFaults(s, statement), "; "); !strings.Contains(have, c.fault) {
			t.Errorf("%s: want a fault with %q, have %q for\n%s", c.name, c.fault, have, c.query)
		}
	}
}

// TestClaimsMariaDBIsMySQL: where MariaDB's text is another than MySQL's, it is so by what asMySQL knows, and by how long a
// claim waits. A limit goes before the claim, and the row comes back.
func TestClaimsMariaDBIsMySQL(t *testing.T) {
	t.Parallel()
	type name struct {
		of   string
		bind bool
	}
	mysql := map[name]string{}
	for _, s := range claimStatements(t, "mysql-8.0.36") {
		mysql[name{s.Case.Name, s.Bind}] = s.Text
	}
	for _, s := range claimStatements(t, "mariadb-10.11", "mariadb-10.5") {
		text, how := asMySQL(s.Text)
		if s.Variant.Name == "mariadb-10.5" && rowLocks(s.Case.Name) {
			text += " SKIP LOCKED"
		}
		if s.Case.Name == "remove" {
			continue // its hint is another one (hazard K39)
		}
		want, ok := mysql[name{s.Case.Name, s.Bind && !strings.HasPrefix(s.Case.Name, "claim")}]
		if s.Bind && strings.HasPrefix(s.Case.Name, "claim") {
			continue // a query on MariaDB only, and so with parameters
		}
		if !ok || text != want {
			t.Errorf("%s is, as MySQL's,\n%s\nand MySQL's is\n%s", s, text, want)
		}
		claim := strings.HasPrefix(s.Case.Name, "claim")
		if returns := slices.Contains(how, "RETURNING"); returns != (claim || s.Case.Name == "filter") {
			t.Errorf("%s returns rows: %v\n%s", s, returns, s.Text)
		}
		if limited := slices.Contains(how, "SET STATEMENT"); limited != slices.Contains([]string{"claim-wait", "claim-no-wait", "lease-take-over", "lease-take-free", "lease-park"}, s.Case.Name) {
			t.Errorf("%s has a limit: %v\n%s", s, limited, s.Text)
		}
	}
}

// TestClaimIndexesMySQL: as TestClaimIndexesPostgres.
func TestClaimIndexesMySQL(t *testing.T) {
	t.Parallel()
	parser := mysqlParser(t)
	statements, err := parser.SplitStatementToPieces(keys.Schema(dialect.MySQL))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, text := range statements {
		statement, err := parser.Parse(text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		switch n := statement.(type) {
		case *sqlparser.CreateTable:
			for _, c := range n.TableSpec.Columns {
				o := c.Type.Options
				if o.Autoincrement || o.Default != nil || o.As != nil || o.OnUpdate != nil {
					t.Errorf("the column %s has a value of its own", c.Name)
				}
				if o.KeyOpt != 0 {
					found = append(found, fmt.Sprintf("%s %v", c.Name, o.KeyOpt == 1))
				}
			}
			for _, i := range n.TableSpec.Indexes {
				found = append(found, sqlparser.String(i))
			}
		case *sqlparser.AlterTable:
			for _, o := range n.AlterOptions {
				add, ok := o.(*sqlparser.AddIndexDefinition)
				if !ok || len(add.IndexDefinition.Columns) != 1 {
					t.Fatalf("it adds something else than an index of one column\n%s", text)
				}
				found = append(found, fmt.Sprintf("%s %v", add.IndexDefinition.Columns[0].Column, add.IndexDefinition.Info.IsUnique()))
			}
		default:
			t.Errorf("%T\n%s", n, text)
		}
	}
	if want := []string{indexed[0] + " true", indexed[1] + " false"}; !slices.Equal(found, want) {
		t.Errorf("the indexes, and whether they are the key, are %v, want %v", found, want)
	}
}
