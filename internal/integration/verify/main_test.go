package verify_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
)

func TestMain(m *testing.M) { os.Exit(engine.Run(m, engine.Also("mysql57"))) }

// each runs fn on every engine. The catalogs of MariaDB, MySQL 5.7 and MySQL 8 differ, so none of them stands for another one.
func each(t *testing.T, fn func(l *lab.Lab)) {
	t.Helper()
	lab.Each(t, lab.SQLite+" "+lab.Postgres+" "+lab.OnDuplicateKey, fn)
}

// verifier is Table.Verify of a table.
type verifier func(ctx context.Context, db upsert.DB, opts ...upsert.VerifyOption) error

// of returns a function that makes the verifier of a table for rows of type T.
func of[T any](opts ...upsert.Option) func(l *lab.Lab, name string) verifier {
	return func(l *lab.Lab, name string) verifier { return lab.Table[T](l, name, opts...).Verify }
}

// findings returns everything that Verify finds: the faults and then the notes.
func findings(l *lab.Lab, verify verifier, db upsert.DB, opts ...upsert.VerifyOption) (all []upsert.Problem) {
	l.Helper()
	var notes []upsert.Problem
	err := verify(l.Context(), db, append(opts, upsert.OnNote(func(p upsert.Problem) { notes = append(notes, p) }))...)
	if err != nil {
		wrong, ok := lab.AsType[*upsert.SchemaError](err)
		if !ok {
			l.Fatalf("Verify: %v", err)
		}
		all = wrong.Problems
	}
	return append(all, notes...)
}

// brief returns a line for each problem: check, severity, column and index.
func brief(problems []upsert.Problem) string {
	var lines []string
	for _, p := range problems {
		lines = append(lines, fmt.Sprintf("%s %s %q %q", p.Severity, p.Check, p.Column, p.Index))
	}
	return strings.Join(lines, "\n")
}

// script runs statements with semicolons between them. name stands in place of each $.
func script(l *lab.Lab, name, text string) {
	l.Helper()
	for statement := range strings.SplitSeq(text, ";\n") {
		l.Exec(strings.ReplaceAll(statement, "$", name))
	}
}

// simple leaves out the name of an index that the database has chosen, because each database chooses another one.
func simple(text string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		fields := strings.Split(line, `"`)
		if len(fields) == 5 && !strings.HasPrefix(fields[3], "t") {
			fields[3] = ""
		}
		lines = append(lines, strings.Join(fields, `"`))
	}
	return strings.Join(lines, "\n")
}
