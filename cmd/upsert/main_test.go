package main

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goupsert/upsert/cmd/upsert/internal/dbtest"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Run(m)) }

// outcome is what one run of the program left.
type outcome struct {
	code           int
	stdout, stderr string
}

func upsertWith(t *testing.T, args ...string) outcome {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), args, strings.NewReader(""), &out, &errs)
	return outcome{code, out.String(), errs.String()}
}

// ended fails the test unless the run ended with code and has each text on stdout.
func (o outcome) ended(t *testing.T, code int, texts ...string) {
	t.Helper()
	for _, want := range append(texts, "") {
		if o.code != code || !strings.Contains(o.stdout, want) {
			t.Fatalf("ended with %d, stdout %q, stderr %q; want %d and %q on stdout", o.code, o.stdout, o.stderr, code, want)
		}
	}
}

// refused fails the test unless the run ended with 2, with the texts on stderr and nothing on stdout.
func (o outcome) refused(t *testing.T, texts ...string) {
	t.Helper()
	for _, want := range texts {
		if o.code != statusFailed || o.stdout != "" || !strings.Contains(o.stderr, want) {
			t.Fatalf("ended with %d, stdout %q, stderr %q; want %d and %q on stderr", o.code, o.stdout, o.stderr, statusFailed, want)
		}
	}
}

// execute runs statements.
func execute(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"-h", "help", "verify -h", "schema -h", "sql -h", "import -h", "keys -h", "keys inspect -h", "keys list -h", "keys stuck -h", "keys dead -h", "keys revive -h", "keys resolve -h", "keys release -h", "keys forget -h", "keys gc -h", "version -h", "help verify"} {
		run := upsertWith(t, strings.Fields(args)...)
		run.ended(t, 0, "upsert ")
		// An example is a line of its own with a flag's value, and the flags have one each.
		if args != "version -h" && !strings.Contains(run.stdout, "\n  upsert ") || run.stderr != "" {
			t.Errorf("upsert %s: %q, stderr %q; want an example, and nothing on stderr", args, run.stdout, run.stderr)
		}
	}
	upsertWith(t).refused(t, "upsert verify -dsn postgres")
}

func TestWrongInput(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "x.toml", "tabel = 'items'\n")
	for args, want := range map[string]string{
		"verfy":                       `there is no command "verfy": is "verify" meant?`,
		"frobnicate":                  `there is no command "frobnicate": there are verify, schema, sql, import, keys, version`,
		"verify -kye id":              "not defined: -kye: is -key meant?",
		"verify":                      "-key is missing",
		"verify -key id":              "-dsn is missing: give a SQLite file",
		"verify -key id items":        `there is "items" after the flags`,
		"verify -key id -dsn none.db": "none.db: no such file",
		"verify -key id -rule n=naem -dsn none.db -ignore nullable-kye": "-ignore nullable-kye: there is no such check: is \"nullable-key\" meant?",
		"verify -key id,id":                                          `column "id" is there twice`,
		"verify -key id -rule id=max":                                "the column is a -key",
		"verify -key id -column a -column a":                         `column "a" is given twice`,
		"verify -config " + file:                                     `there is no key "tabel" in such a file: is "table" meant?`,
		"verify -config none.toml":                                   "-config: open none.toml",
		"verify -json -key id -dsn oracle://":                        "there is no driver for oracle://",
		"sql -key id":                                                "give -dialect, or -dsn to ask a database",
		"sql -key id -dialect sqlite -table t -plain":                "-plain asks the database about the table: give -dsn",
		"sql -key id -dialect sqlite -table t -trust-unique-indexes": "goes with -plain",
		"sql -key id -dialect mysql -table t -where v":               "partial unique index",
		"import -config " + writeFile(t, "where.toml", "key = ['id']\nwhere = 'v'\n") + " x.csv": "import knows no partial unique index: take where out of ",
		"sql -key id -dialect sqlite":                              "-table is missing",
		"sql -key id -dialect postgras":                            `there is no such dialect: is "postgres" meant?`,
		"sql -key id -dialect mysql:5.6":                           "5.7 or later",
		"sql -key id -dialect sqlite:3":                            "give sqlite",
		"sql -key id -dialect sqlite -rows 0 -table t":             "-rows 0: give at least 1",
		"sql -key id -dialect sqlite -table t -rule n=keeep":       `-rule n=keeep: there is no such rule: is "keep" meant?`,
		"sql -key id -dialect sqlite -table t -rule n=key":         "say it with -key",
		"sql -key id -dialect sqlite -table t -rule n=touch+never": `"never": give now or omitzero`,
		"schema -key id -dialect sqlite -table t":                  `the type of column "id" is not known: give -column 'id=TYPE'`,
		"keys":                         "say what to do: inspect, list, stuck, dead, revive, resolve, release, forget or gc",
		"keys revve":                   `is "revive" meant?`,
		"keys gc":                      "-dsn is missing",
		"keys gc -limit -1":            "-limit -1",
		"keys gc now":                  `there is "now"`,
		"keys inspect -dsn x.db -id a": "name a request by -scope, -op and -id, or a message by -consumer and -id",
		"keys inspect -scope a -consumer c -id x": "give the one or the others",
		"keys dead":                      "-consumer is missing",
		"keys dead -consumer c -limit 0": "-limit 0",
		"keys revive -consumer c":        "say -all",
		"keys revive -consumer c -all x": "give the one or the other",
		"keys revive x":                  "-consumer is missing",

		"keys list -dsn x.db":                          "-state is missing",
		"keys list -dsn x.db -state wating":            `-state "wating" is none: is "waiting" meant?`,
		"keys list -dsn x.db -state done -limit 0":     "-limit 0",
		"keys list -dsn x.db -state done -after x":     `the cursor "x" is none that List has returned`,
		"keys list -state done":                        "-dsn is missing",
		"keys stuck now":                               `there is "now"`,
		"keys stuck -limit 0":                          "-limit 0",
		"keys resolve -scope a -op b":                  "name a request by -scope, -op and -id",
		"keys resolve -scope a -op b -id c":            "-result or -final, one of them",
		"keys resolve -scope a -op b -id c -result x":  "-result x is no JSON",
		"keys release -scope a -op b":                  "name a request by -scope, -op and -id",
		"keys release -scope a -op b -id c d":          `there is "d"`,
		"keys forget -scope a":                         "name a request by -scope, -op and -id",
		"keys forget -all":                             "-scope is missing",
		"keys forget -all -scope a -op b":              "leave one of them out",
		"keys forget -all -scope a -share 2 -dsn x.db": "x.db: no such file",
	} {
		upsertWith(t, strings.Fields(args)...).refused(t, want)
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ns := dbtest.Get("sqlite").Namespace(t)
	var out, errs bytes.Buffer
	code := run(ctx, []string{"verify", "-dsn", ns.DSN(), "-table", "t", "-key", "id"}, strings.NewReader(""), &out, &errs)
	outcome{code, out.String(), errs.String()}.refused(t, "upsert verify: interrupted\n")
}
