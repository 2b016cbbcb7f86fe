package claimsql_test

import (
	"testing"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/claimsql"
)

// TestSavepointName: a claim's own, and an identifier that needs no quotes on any of the databases: MySQL forgets an older
// savepoint of the same name, and names that differ in case only are one name to it.
func TestSavepointName(t *testing.T) {
	t.Parallel()
	names := map[string][claimsql.OwnerSize]byte{}
	for i := range 8 {
		for b := range 256 {
			var owner [claimsql.OwnerSize]byte
			owner[i] = byte(b)
			name := claimsql.SavepointName(owner)
			if other, taken := names[name]; taken && other != owner {
				t.Fatalf("%x and %x have the savepoint %s", owner, other, name)
			}
			names[name] = owner
		}
	}
	if len(names) != 8*255+1 {
		t.Errorf("there are %d names", len(names))
	}
	for name := range names {
		for _, d := range []dialect.Dialect{dialect.SQLite, dialect.Postgres, dialect.MySQL, dialect.MariaDB} {
			if err := d.CheckIdent(name); err != nil {
				t.Fatal(err)
			}
		}
		for i, r := range name {
			if (r < 'a' || r > 'z') && r != '_' && (i == 0 || r < '0' || r > '9') {
				t.Fatalf("%s must be quoted", name)
			}
		}
	}
}

// TestSavepointStatements name the same savepoint.
func TestSavepointStatements(t *testing.T) {
	t.Parallel()
	name := claimsql.SavepointName([claimsql.OwnerSize]byte{1, 2, 3, 4, 5, 6, 7, 8, 9})
	for want, have := range map[string]string{
		"SAVEPOINT upsert_claim_0102030405060708":             claimsql.Savepoint(name),
		"RELEASE SAVEPOINT upsert_claim_0102030405060708":     claimsql.Release(name),
		"ROLLBACK TO SAVEPOINT upsert_claim_0102030405060708": claimsql.RollbackTo(name),
	} {
		if have != want {
			t.Errorf("have %s, want %s", have, want)
		}
	}
}
