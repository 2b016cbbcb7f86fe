package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/goupsert/upsert/cmd/upsert/internal/dbtest"
)

func TestVerify_Engines(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		db := ns.DB()
		generated := "INT GENERATED ALWAYS AS (n * 2) STORED"
		execute(t, db, "CREATE TABLE sound (id INT NOT NULL PRIMARY KEY, n INT, twice "+generated+")",
			"CREATE TABLE keyless (id INT NOT NULL, n INT NOT NULL)", "INSERT INTO keyless VALUES (1, 1), (1, 2), (2, 3)")
		sound := upsertWith(t, "verify", "-dsn", ns.DSN(), "-table", "sound", "-key", "id")
		sound.ended(t, 0, "sound on ", ": sound\n")
		if strings.Count(sound.stdout, "\n") != 1 {
			t.Fatalf("stdout %q; want one line, because a plain table gives no notes", sound.stdout)
		}
		named := upsertWith(t, "verify", "-dsn", ns.DSN(), "-table", "sound", "-key", "id", "-column", "twice")
		named.ended(t, 1, "fault: computed column (column twice)", "give the column the rule generated")
		faulty := upsertWith(t, "verify", "-dsn", ns.DSN(), "-table", "keyless", "-key", "id", "-count")
		faulty.ended(t, 1, "keyless on ", ": 1 fault", "\nfault: no unique index (column id)\n  why:  ", "\n  find: SELECT ", "1 row in the way", "\n  mend: ")
		if uncounted := upsertWith(t, "verify", "-dsn", ns.DSN(), "-table", "keyless", "-key", "id"); strings.Contains(uncounted.stdout, "in the way") {
			t.Fatalf("stdout %q; want no number of rows without -count", uncounted.stdout)
		}
		upsertWith(t, "verify", "-dsn", ns.DSN(), "-table", "keyless", "-key", "id", "-ignore", "no-unique-index").ended(t, 0, ": sound\n")
		upsertWith(t, "verify", "-dsn", ns.DSN(), "-table", "none", "-key", "id").ended(t, 1, "fault: no table", "upsert schema writes the statement")
	})
}

func TestVerify_JSON(t *testing.T) {
	t.Parallel()
	ns := dbtest.Get("sqlite").Namespace(t)
	execute(t, ns.DB(), "CREATE TABLE t (id INT PRIMARY KEY, n INT UNIQUE)")
	run := upsertWith(t, "verify", "-dsn", ns.DSN(), "-table", "t", "-key", "id", "-json", "-count")
	run.ended(t, 1)
	var got findings
	if err := json.Unmarshal([]byte(run.stdout), &got); err != nil {
		t.Fatalf("%v in %q", err, run.stdout)
	}
	if got.Sound || got.Table != "t" || got.Database != "sqlite" || strings.Join(got.Columns, " ") != "id n" || len(got.Problems) != 2 {
		t.Fatalf("got %+v; want two problems of table t", got)
	}
	fault, note := got.Problems[0], got.Problems[1]
	if fault.Check != "nullable key" || fault.Severity != "fault" || fault.Column != "id" || fault.Duplicates == nil || *fault.Duplicates != 0 {
		t.Fatalf("got %+v; want a nullable key whose rows are counted", fault)
	}
	if note.Check != "other unique index" || note.Severity != "note" || note.Duplicates != nil || strings.Contains(note.Why+note.Mend, "key=NAME") {
		t.Fatalf("got %+v; want a note in words for the command line", note)
	}
}

// TestChecks: -ignore knows each check that the library has.
func TestChecks(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "../../schema_error.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Check") {
			have[spec.Names[0].Name] = true
		}
		return true
	})
	if len(have) != len(checks) || len(have) < 20 {
		t.Fatalf("the library has %d checks, and -ignore knows %d", len(have), len(checks))
	}
	for _, c := range checks {
		for _, word := range []string{string(c), dashed(string(c))} {
			if found, err := checksOf([]string{word}); err != nil || len(found) != 1 || found[0] != c {
				t.Errorf("-ignore %s: %v, %v", word, found, err)
			}
		}
	}
}
