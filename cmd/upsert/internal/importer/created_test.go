package importer

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/goupsert/upsert/cmd/upsert/internal/dbtest"
)

func TestRun_CreateShowsTheStatement(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	file := dbtest.WriteFile(t, "items.csv", "id,at,n\n1,2024-05-06T07:08:09Z,a\n")
	const want = `upsert import: -create has made the table:
CREATE TABLE "items" (
  "id" INTEGER NOT NULL,
  "at" TIMESTAMP,
  "n" TEXT,
  PRIMARY KEY ("id")
);
`
	args := []string{"-dsn", path, "-create", "-key", "id", file}
	first, second := runProgram(t, args...), runProgram(t, args...)
	first.ok(t, "1 inserted")
	second.ok(t, "1 unchanged")
	if !strings.HasPrefix(first.stderr, want) || strings.Contains(second.stderr, "CREATE") {
		t.Fatalf("stderr %q, then %q; want %q, then no statement, because the table is there", first.stderr, second.stderr, want)
	}
	quiet := runProgram(t, "-quiet", "-table", "others", "-dsn", path, "-create", "-key", "id", file)
	if quiet.ok(t, "1 inserted"); quiet.stderr != "" {
		t.Fatalf("stderr %q with -quiet; want nothing", quiet.stderr)
	}
}

func TestEngines_TimesAreInferredAsTimes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		word := map[string]string{"sqlite": "TIMESTAMP", "mariadb": "DATETIME(6)", "mysql": "DATETIME(6)", "mysql57": "DATETIME(6)"}[e.Name()]
		if word == "" {
			word = "TIMESTAMPTZ"
		}
		args := []string{"-dsn", ns.DSN(), "-create", "-key", "id"}
		csv := dbtest.WriteFile(t, "a.csv", "id,at\n2024-05-06T07:08:09Z,\n2024-05-06T07:08:09.123456+02:00,2024-05-06T07:08:09-11:30\n")
		first := runProgram(t, append(args, csv)...)
		first.ok(t, "2 inserted")
		if strings.Count(first.stderr, " "+word) != 2 {
			t.Fatalf("the table is %s; want two columns of %s", first.stderr, word)
		}
		runProgram(t, append(args, csv)...).ok(t, "0 inserted, 0 updated, 2 unchanged")
		json := dbtest.WriteFile(t, "b.ndjson", `{"id":"2024-05-06T07:08:09Z","at":"2024-05-06T18:38:09Z"}`+"\n")
		first = runProgram(t, append(args, json)...)
		first.ok(t, "1 inserted")
		if strings.Count(first.stderr, " "+word) != 2 {
			t.Fatalf("the table is %s; want two columns of %s", first.stderr, word)
		}
		sameInstants := dbtest.WriteFile(t, "a.csv", "id,at\n2024-05-06T09:08:09+02:00,\n2024-05-06T05:08:09.123456Z,2024-05-06T18:38:09Z\n")
		runProgram(t, append(args, sameInstants)...).ok(t, "0 inserted, 0 updated, 2 unchanged")
	})
}
