package importer

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/goupsert/upsert/cmd/upsert/internal/dbtest"
)

// zones is the file that comes with the repository.
const zones = "../../../../testdata/zone1970.tsv"

// outcome is what one run of the program left.
type outcome struct {
	code           int
	stdout, stderr string
}

func runProgram(t *testing.T, args ...string) outcome {
	t.Helper()
	return runWith(t, t.Context(), "", args...)
}

func runWith(t *testing.T, ctx context.Context, stdin string, args ...string) outcome {
	t.Helper()
	var out, errs bytes.Buffer
	code := Run(ctx, args, strings.NewReader(stdin), &out, &errs)
	return outcome{code, out.String(), errs.String()}
}

// ok fails the test unless the run ended with 0 and its report has want in it.
func (o outcome) ok(t *testing.T, want string) {
	t.Helper()
	if o.code != 0 || !strings.Contains(o.stdout, want) {
		t.Fatalf("ended with %d, stdout %q, stderr %q; want 0 and %q on stdout", o.code, o.stdout, o.stderr, want)
	}
}

// failed fails the test unless the run ended with code, said want on stderr and nothing on stdout.
func (o outcome) failed(t *testing.T, code int, want string) {
	t.Helper()
	if o.code != code || !strings.Contains(o.stderr, want) || o.stdout != "" {
		t.Fatalf("ended with %d, stdout %q, stderr %q; want %d and %q on stderr", o.code, o.stdout, o.stderr, code, want)
	}
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// parsed is a config as the command line makes it.
func parsed(t *testing.T, args ...string) *config {
	t.Helper()
	cfg, err := parseFlags(args, io.Discard)
	if err != nil {
		t.Fatalf("parseFlags(%q): %v", args, err)
	}
	return cfg
}

// readText reads text in a format into its names and rows; "-" stands for NULL.
func readText(t *testing.T, cfg *config, text string) (names []string, rows [][]string, err error) {
	t.Helper()
	in := &input{name: "f", size: -1, text: skipMark(strings.NewReader(text))}
	rd, err := in.reader(cfg)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range rd.fields() {
		names = append(names, f.name)
	}
	for {
		cells, err := rd.next()
		if errors.Is(err, io.EOF) {
			return names, rows, nil
		}
		if err != nil {
			return names, rows, err
		}
		var row []string
		for _, c := range cells {
			if c.token == tokenNull {
				c.text = "-"
			}
			row = append(row, c.text)
		}
		rows = append(rows, row)
	}
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("error %v; want one with %q", err, want)
	}
}

func isPosError(err error) bool {
	var pos *posError
	return errors.As(err, &pos)
}

// query is the answer of a one-column query, a row a string, NULL as "NULL".
func query(t *testing.T, db *sql.DB, text string, args ...any) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), text, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s sql.NullString
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		if !s.Valid {
			s.String = "NULL"
		}
		out = append(out, s.String)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func openSQLiteFile(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// execute runs a statement in a namespace.
func execute(t *testing.T, ns *dbtest.Namespace, text string) {
	t.Helper()
	if _, err := ns.DB().ExecContext(t.Context(), text); err != nil {
		t.Fatal(err)
	}
}

// dsnWithForeignKeys has SQLite check foreign keys, as the other databases do.
func dsnWithForeignKeys(ns *dbtest.Namespace) string {
	if ns.Engine().Dialect() == "sqlite" {
		return ns.DSN() + "&_foreign_keys=1"
	}
	return ns.DSN()
}
