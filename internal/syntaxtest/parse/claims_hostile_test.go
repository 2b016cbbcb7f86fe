package parse_test

import (
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/syntaxtest"
	pg "github.com/pganalyze/pg_query_go/v6"
)

// TestClaimsHostile: with values that try to be SQL the databases' own parsers read the same statement as without, and no
// text of them. FuzzClaimTextIsShapeOnly, in the package above, shows it of the text for any bytes.
func TestClaimsHostile(t *testing.T) {
	t.Parallel()
	parser := mysqlParser(t)
	for _, evil := range []string{"'", `\`, `\'`, "''", "'; DROP TABLE t; --", "' OR 1 = 1 #", "', 'hex'), 'UTF8')", "\x00", "\xbf'", "/*", "?", "$1", "$$", "\n-- ", "\"`"} {
		v := syntaxtest.ExampleClaim()
		v.Row.Scope, v.Row.Op, v.Row.ID, v.Consumer, v.Codec = evil, evil, evil, evil, evil
		v.Row.Fingerprint, v.Result = []byte(evil), []byte(evil)
		v.Marks[0].ID, v.Marks[1].ID = evil, evil+evil
		copy(v.Row.Hash[:], evil)
		copy(v.Row.Owner[8:], evil)
		for _, s := range claimStatements(t, "postgres", "mysql-8.0.36", "mariadb-10.5") {
			v.Setting = syntaxtest.ExampleClaim().Setting
			if s.Variant.Name == "postgres" {
				v.Setting = evil
			}
			plain := s.Text
			hostile, err := s.Case.Write(s.Variant.Dialect, s.Bind, v)
			if err != nil {
				t.Fatal(err)
			}
			s.Text, s.Args = hostile.Text, hostile.Args
			var faults []string
			if s.Variant.Name == "postgres" {
				faults = postgresReads(t, s, plain)
			} else {
				text, _ := asMySQL(s.Text)
				statement, err := parser.Parse(asUnion(text))
				if err != nil {
					t.Fatalf("%s: %v\n%s", s, err, text)
				}
				faults = mysqlClaimFaults(s, statement)
			}
			for _, fault := range faults {
				t.Errorf("%s with %q: %s\n%s", s, evil, fault, s.Text)
			}
		}
	}
}

// postgresReads tells what is wrong with a statement, and whether it is another one than plain: a fingerprint is of all of
// a statement but its constants.
func postgresReads(t *testing.T, s syntaxtest.ClaimStatement, plain string) []string {
	t.Helper()
	tree, err := pg.Parse(s.Text)
	if err != nil {
		t.Fatalf("%s: %v\n%s", s, err, s.Text)
	}
	faults := claimFaults(s, tree)
	have, err := pg.Fingerprint(s.Text)
	if err != nil {
		t.Fatal(err)
	}
	want, err := pg.Fingerprint(plain)
	if err != nil {
		t.Fatal(err)
	}
	if have != want && !strings.HasPrefix(s.Case.Name, "savepoint") {
		faults = append(faults, "it is another statement than\n"+plain)
	}
	return faults
}
