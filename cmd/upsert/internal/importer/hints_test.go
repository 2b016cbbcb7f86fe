package importer

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/goupsert/upsert/cmd/upsert/internal/dbtest"
	"github.com/goupsert/upsert/dialect"
)

// goNames are what the library calls its options: they mean nothing to the user of a command.
var goNames = regexp.MustCompile(`IndexWhere|OnConstraint|Target\b|Via\(|InOrder|ChunkTx|RawMessage|dialect\.|Columns\b|\bNew\b|\*sql\.`)

func wantFlags(t *testing.T, run outcome, code int, wants ...string) {
	t.Helper()
	for _, want := range wants {
		run.failed(t, code, want)
	}
	if name := goNames.FindString(run.stderr); name != "" {
		t.Fatalf("stderr %q; want nothing of the library's %s", run.stderr, name)
	}
}

func TestEngines_HintsNameFlags(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		file := dbtest.WriteFile(t, "t.csv", "id,n\n1,a\n")
		execute(t, ns, "CREATE TABLE t (id INT NOT NULL, n VARCHAR(9) NOT NULL)")
		wantFlags(t, runProgram(t, "-dsn", ns.DSN(), "-key", "id", file), 1, "table t has no unique index on exactly id: ", "with -key")
		if e.Dialect() == "sqlite" || e.Dialect() == "postgres" {
			execute(t, ns, "CREATE UNIQUE INDEX part ON t (id) WHERE n <> ''")
			wantFlags(t, runProgram(t, "-dsn", ns.DSN(), "-key", "id", file), 1, "table t has no unique index on exactly id: ", "without a WHERE")
		}
		execute(t, ns, "CREATE UNIQUE INDEX whole ON t (id)")
		execute(t, ns, "CREATE UNIQUE INDEX name ON t (n)")
		wantFlags(t, runProgram(t, "-dsn", ns.DSN(), "-key", "id", dbtest.WriteFile(t, "t.csv", "id,n\n1,a\n2,a\n")), 1, "t.csv:3:1: ", "-in-order")
	})
}

func TestEngines_PostgresHintsNameFlags(t *testing.T) {
	t.Parallel()
	ns := dbtest.Get("postgres18").Namespace(t)
	execute(t, ns, "CREATE TABLE t (id INT PRIMARY KEY, j JSON, b JSONB)")
	file := dbtest.WriteFile(t, "t.csv", `id,j,b`+"\n"+`1,"{""a"":1}","{""a"":1}"`+"\n")
	args := []string{"-dsn", ns.DSN(), "-key", "id", file}
	runProgram(t, args...).ok(t, "1 inserted")
	merge := append([]string{"-rule", "b=merge"}, args...)
	run := runProgram(t, merge...)
	wantFlags(t, run, 1, "-rule with merge needs a function", "CREATE OR REPLACE FUNCTION")
	// The hint is the one that helps.
	_, statement, _ := strings.Cut(run.stderr, "again:\n")
	statement, _, _ = strings.Cut(statement, "\nupsert import: nothing")
	execute(t, ns, statement)
	runProgram(t, merge...).ok(t, "1 unchanged")
}

func TestAdvise_TooManyColumns(t *testing.T) {
	t.Parallel()
	cols := make([]column, 40_000)
	for i := range cols {
		cols[i] = column{name: "c" + strconv.Itoa(i), key: i == 0}
	}
	_, err := upsertRows(t.Context(), nil, dialect.SQLite, &config{table: "t"}, &source{cols: cols}, nil, func(int64) {})
	err = advise(err, &config{})
	wantError(t, err, "leave columns out of the file")
}

func TestAdvise_KeepsTheErrorAndItsClass(t *testing.T) {
	t.Parallel()
	if err := advise(nil, &config{}); err != nil {
		t.Fatalf("%v; want nil", err)
	}
	plain := errors.New("something else")
	if err := advise(plain, &config{}); !errors.Is(err, plain) || err.Error() != "something else" {
		t.Fatalf("%v; want the error as it is", err)
	}
	inner := errors.New("FOREIGN KEY constraint failed")
	err := advise(fmt.Errorf("t.csv:3:1: %w", inner), &config{})
	if !errors.Is(err, inner) || !strings.HasPrefix(err.Error(), "t.csv:3:1: ") || !strings.Contains(err.Error(), "-in-order") {
		t.Fatalf("%v; want the error, its place and a flag", err)
	}
	if err := advise(inner, &config{inOrder: true}); err.Error() != inner.Error() {
		t.Fatalf("%v; want no flag that is given already", err)
	}
}
