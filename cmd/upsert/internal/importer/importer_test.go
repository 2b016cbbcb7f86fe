package importer

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/goupsert/upsert/cmd/upsert/internal/dbtest"
)

func TestMain(m *testing.M) {
	if os.Getenv(asImporter) != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		os.Exit(Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(dbtest.Run(m))
}

func TestRun_ZonesTwice(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "items.db")
	args := []string{"-dsn", path, "-create", "-key", "tz", "-rule", "comments=coalesce", zones}
	first, second := runProgram(t, args...), runProgram(t, args...)
	first.ok(t, "zone1970.tsv: 312 rows: 312 inserted, 0 updated, 0 unchanged, 0 stale in ")
	second.ok(t, "zone1970.tsv: 312 rows: 0 inserted, 0 updated, 312 unchanged, 0 stale in ")
	if line := regexp.MustCompile(`^\S+: .* in [0-9.]+m?s \([0-9,]+ rows/s\)\n$`); !line.MatchString(first.stdout) || !line.MatchString(second.stdout) || second.stderr != "" {
		t.Fatalf("stdout %q, then %q, stderr %q; want one line like %v and no other", first.stdout, second.stdout, second.stderr, line)
	}
	db := openSQLiteFile(t, path)
	got := query(t, db, `SELECT codes || '|' || coordinates || '|' || coalesce(comments, 'NULL') FROM zone1970 WHERE tz IN ('Europe/Andorra', 'Asia/Dubai') ORDER BY tz DESC`)
	if want := "AD|+4230+00131|NULL AE,OM,RE,SC,TF|+2518+05518|Crozet"; strings.Join(got, " ") != want {
		t.Fatalf("the table has %q; want %q", got, want)
	}
}

func TestRun_MalformedFileMakesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	file := dbtest.WriteFile(t, "items.csv", "id,n\n1,a\n2,b,c\n")
	runProgram(t, "-dsn", path, "-create", "-key", "id", file).failed(t, 1, file+":3:5: 3 fields, 2 expected")
	if tables := query(t, openSQLiteFile(t, path), `SELECT name FROM sqlite_master`); len(tables) != 0 {
		t.Fatalf("tables %q were made of a file that cannot be read", tables)
	}
}

func TestRun_RefusedInputMakesNoDatabase(t *testing.T) {
	t.Parallel()
	whole := gzipped(t, manyRows(1000))
	cut := dbtest.WriteFile(t, "items.csv.gz", whole[:len(whole)/2])
	for name, c := range map[string]struct {
		code int
		args []string
		want string
	}{
		"cut":             {1, []string{cut}, "items.csv.gz: unexpected EOF\nupsert import: nothing was written\n"},
		"malformed":       {1, []string{dbtest.WriteFile(t, "items.csv", "id,n\n1\n")}, "items.csv:2:1: 1 field"},
		"no file":         {1, []string{"none.csv"}, "none.csv: no such file"},
		"untyped stdin":   {1, []string{"-table", "items", "-format", "csv", "-columns", "id,n", "-"}, "read only once: give -type for id, n"},
		"rule and kind":   {2, []string{"-rule", "n=or", dbtest.WriteFile(t, "items.csv", "id,n\n1,2\n")}, `column "n" is of type integer`},
		"no such column":  {1, []string{"-rule", "m=or", dbtest.WriteFile(t, "items.csv", "id,n\n1,2\n")}, `there is no column "m"`},
		"type and values": {1, []string{"-type", "n=integer", dbtest.WriteFile(t, "items.csv", "id,n\n1,x\n")}, `"x" is not of type integer`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "x.db")
			runProgram(t, append([]string{"-dsn", path, "-create", "-key", "id"}, c.args...)...).failed(t, c.code, c.want)
			if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
				t.Fatalf("stat of the database: %v; want that no file was made", err)
			}
		})
	}
}

func TestRun_Refuses(t *testing.T) {
	t.Parallel()
	file := dbtest.WriteFile(t, "items.csv", "id,n\n1,a\n")
	path := filepath.Join(t.TempDir(), "x.db")
	runProgram(t, "-dsn", path, "-create", "-key", "id", file).ok(t, "1 inserted")
	other := dbtest.WriteFile(t, "items.csv", "id,m\n1,a\n")
	whole := gzipped(t, "id,n\n1,b\n2,c\n")
	cut := dbtest.WriteFile(t, "items.csv.gz", whole[:len(whole)-9])
	missing := filepath.Join(t.TempDir(), "items.db")
	for name, c := range map[string]struct {
		code int
		args []string
		want string
	}{
		"add":            {2, []string{"-key", "id", "-rule", "n=add", file}, "-rule n=add: adding is not safe to repeat"},
		"no file":        {1, []string{"-key", "id", "none.csv"}, "none.csv: no such file"},
		"a folder":       {1, []string{"-key", "id", "-format", "csv", os.TempDir()}, "is a folder"},
		"no table":       {1, []string{"-key", "id", "-table", "none", file}, "-create makes a table that is missing"},
		"no column":      {1, []string{"-key", "id", other}, `items.csv:1:4: table items has no column "m"; it has id, n`},
		"no key column":  {1, []string{"-key", "k", file}, `items.csv:1:1: there is no column "k", which -key names; there are id, n`},
		"no rule column": {1, []string{"-key", "id", "-rule", "m=keep", file}, `there is no column "m", which -rule names`},
		"no type column": {1, []string{"-key", "id", "-type", "m=text", file}, `there is no column "m", which -type names`},
		"cut":            {1, []string{"-key", "id", cut}, "items.csv.gz: unexpected EOF"},
		"cut, chunks":    {1, []string{"-key", "id", "-chunk", "9", cut}, "unexpected EOF"},
		"no database":    {1, []string{"-dsn", missing, "-key", "id", file}, "-create makes the file and its table"},
		"no PostgreSQL":  {1, []string{"-dsn", "postgres://me@127.0.0.1:1/db?sslmode=disable", "-key", "id", file}, "connection refused"},
		"no MySQL":       {1, []string{"-dsn", "me@tcp(127.0.0.1:1)/db", "-key", "id", file}, "connection refused"},
		"not gzip":       {1, []string{"-key", "id", dbtest.WriteFile(t, "x.csv.gz", "id\n")}, "x.csv.gz: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := runProgram(t, append([]string{"-dsn", path}, c.args...)...)
			run.failed(t, c.code, c.want)
			last := map[int]string{1: "\nupsert import: nothing was written\n", 2: "\nupsert import -h explains the flags.\n"}[c.code]
			if !strings.HasSuffix(run.stderr, last) {
				t.Fatalf("stderr %q; want %q at its end", run.stderr, last)
			}
		})
	}
}

func TestRun_Help(t *testing.T) {
	t.Parallel()
	runProgram(t, "-h").ok(t, "upsert import [flags] FILE")
}

func TestRun_Gzip(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	file := dbtest.WriteFile(t, "items.csv.gz", gzipped(t, "id,n\n1,a\n2,b\n"))
	runProgram(t, "-dsn", path, "-create", "-key", "id", file).ok(t, "items.csv.gz: 2 rows: 2 inserted")
}

func TestRun_Stdin(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	args := []string{"-dsn", path, "-create", "-key", "id", "-table", "items", "-format", "csv"}
	runWith(t, t.Context(), "id,n\n1,a\n", append(args, "-type", "id=integer", "-")...).failed(t, 1,
		"-create cannot infer types from standard input, which is read only once: give -type for n")
	runWith(t, t.Context(), "id,n\n1,a\n", append(args, "-type", "id=integer", "-type", "n=text", "-")...).ok(t, "stdin: 1 row: 1 inserted")
	runWith(t, t.Context(), "id,n\n1,b\nx,c\n", append(args, "-")...).failed(t, 1, `stdin:3:1: column "id": "x" is not of type integer`)
	if got := query(t, openSQLiteFile(t, path), `SELECT n FROM items`); len(got) != 1 || got[0] != "a" {
		t.Fatalf("the table has %q; want only a", got)
	}
}

func TestRun_LibraryErrorsNameTheLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	args := []string{"-dsn", path, "-create", "-key", "id", "-rule", "j=merge", "-type", "j=text"}
	runProgram(t, append(args, dbtest.WriteFile(t, "items.csv", "id,j\n1,{}\n"))...).ok(t, "1 inserted")
	runProgram(t, append(args, dbtest.WriteFile(t, "items.csv", "id,j\n2,{}\n\n1,{\n"))...).failed(t, 1,
		"items.csv:4:1: upsert: table items: row 1: column j: it is not a JSON document")
}

func TestSource_ForgetsOldLines(t *testing.T) {
	t.Parallel()
	rd, err := newCSV("f", strings.NewReader(manyRows(10*recent)), &config{format: fileFormat{comma: ','}})
	if err != nil {
		t.Fatal(err)
	}
	s := &source{file: "f", rd: rd, cols: []column{{name: "id"}, {name: "n"}}}
	most, rows := 0, int64(0)
	s.rows(func(_ map[string]any, err error) bool {
		if rows++; err != nil {
			t.Fatal(err)
		}
		s.written(rows)
		most = max(most, len(s.lines))
		if at := int(rows) - 1 - s.first; s.lines[at] != int(rows)+1 {
			t.Fatalf("row %d is on line %d; want %d", rows, s.lines[at], rows+1)
		}
		return true
	})
	if rows != 10*recent || most > 3*recent {
		t.Fatalf("%d rows, %d lines kept; want %d rows and at most %d lines", rows, most, 10*recent, 3*recent)
	}
	if err := s.place(io.EOF); !errors.Is(err, io.EOF) {
		t.Fatalf("%v; want an error that is about no row as it is", err)
	}
}
