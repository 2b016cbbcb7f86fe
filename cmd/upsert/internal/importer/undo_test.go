package importer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/goupsert/upsert/cmd/upsert/internal/dbtest"
)

// asImporter makes this test binary the program itself.
const asImporter = "IMPORTER_TEST_RUN_MAIN"

// child is the program as a process of its own, which waits for its standard input and has made its table.
type child struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	errs  *bufio.Reader
}

func startChild(t *testing.T, dsn string, env ...string) *child {
	t.Helper()
	c := &child{cmd: exec.CommandContext(t.Context(), os.Args[0], "-dsn", dsn, "-create", "-key", "id", "-type", "id=integer,n=text", "-table", "items", "-format", "csv", "-")}
	c.cmd.Env = append(append(os.Environ(), asImporter+"=1"), env...)
	stderr, err := c.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.errs = bufio.NewReader(stderr)
	c.send(t, "id,n\n")
	for line := ""; line != ");\n" && line != ") ENGINE=InnoDB;\n"; {
		if line, err = c.errs.ReadString('\n'); err != nil {
			t.Fatalf("the child has ended before it made the table: %q, %v", line, err)
		}
	}
	return c
}

func (c *child) send(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(c.stdin, text); err != nil {
		t.Fatal(err)
	}
}

// end returns the exit status and the rest of stderr.
func (c *child) end(t *testing.T) (int, string) {
	t.Helper()
	rest, err := io.ReadAll(c.errs)
	if err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := c.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return c.cmd.ProcessState.ExitCode(), string(rest)
}

func wantNoFiles(t *testing.T, folder string) {
	t.Helper()
	left, err := os.ReadDir(folder)
	if err != nil || len(left) > 0 {
		t.Fatalf("%v are left, error %v; want nothing", left, err)
	}
}

func TestRun_SIGTERMLeavesNoDatabase(t *testing.T) {
	t.Parallel()
	for name, rows := range map[string]int{"before the first row": 0, "among the rows": 25_000} {
		for _, params := range []string{"", "?_journal_mode=WAL"} {
			t.Run(name+params, func(t *testing.T) {
				t.Parallel()
				folder := t.TempDir()
				c := startChild(t, filepath.Join(folder, "x.db")+params)
				c.send(t, strings.TrimPrefix(manyRows(rows), "id,n\n"))
				if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
				code, errs := c.end(t)
				if code != 1 || !strings.Contains(errs, "removed again\nupsert import: interrupted: ") || !strings.Contains(errs, "nothing was written") {
					t.Fatalf("ended with %d, stderr %q; want 1 and that it was interrupted", code, errs)
				}
				wantNoFiles(t, folder)
			})
		}
	}
}

func TestRun_SIGTERMLeavesAnExistingDatabase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	db := openSQLiteFile(t, path)
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE other (id)"); err != nil {
		t.Fatal(err)
	}
	c := startChild(t, path)
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code, errs := c.end(t); code != 1 {
		t.Fatalf("ended with %d, stderr %q; want 1", code, errs)
	}
	if got := query(t, db, "SELECT name FROM sqlite_master"); strings.Join(got, " ") != "other" {
		t.Fatalf("the database has %q; want the table from before", got)
	}
}

func TestUndo_WhatOthersWroteStays(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"a table": "CREATE TABLE other (id)", "a row": "INSERT INTO items VALUES (1, 'theirs')",
	} {
		for _, ownFile := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ownFile), func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), "x.db")
				cols := []column{{name: "id", kind: kindInteger, key: true}, {name: "n", kind: kindText}}
				p := &program{cfg: &config{dsn: path, table: "items", quiet: true}, db: openSQLiteFile(t, path), inferred: true}
				if ownFile {
					if err := p.claimFile(); err != nil {
						t.Fatal(err)
					}
				}
				if err := p.create(t.Context(), cols); err != nil {
					t.Fatal(err)
				}
				if _, err := openSQLiteFile(t, path).ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
				said := p.undo(t.Context(), io.ErrUnexpectedEOF)
				want := "what -create has made is left behind: others have written to it since"
				if name == "a table" && !ownFile {
					want = "the table that -create has made is dropped again"
				}
				if _, err := os.Stat(path); err != nil || said != want {
					t.Fatalf("said %q, stat %v; want %q, and the file left", said, err, want)
				}
			})
		}
	}
}

func TestUndo_AFileOfOthersStays(t *testing.T) {
	t.Parallel()
	path := dbtest.WriteFile(t, "x.db", "")
	p := &program{cfg: &config{dsn: path, table: "items"}, db: openSQLiteFile(t, path)}
	if err := p.claimFile(); err != nil || p.made.file != "" {
		t.Fatalf("claimed %q, error %v; want nothing claimed", p.made.file, err)
	}
	said := p.undo(t.Context(), io.EOF)
	if _, err := os.Stat(path); err != nil || said != "" {
		t.Fatalf("said %q, stat %v; want the file left", said, err)
	}
}

// TestEngines_FailedCreateLeavesNoTable: the file is refused only while its rows are written.
func TestEngines_FailedCreateLeavesNoTable(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		execute(t, ns, "CREATE TABLE other (id INT)")
		args := []string{"-dsn", ns.DSN(), "-create", "-key", "id", "-type", "id=integer,n=text", "-table", "items", "-format", "csv"}
		run := runWith(t, t.Context(), "id,n\n1,a\nx,b\n", append(args, "-")...)
		run.failed(t, 1, `stdin:3:1: column "id": "x" is not of type integer`)
		run.failed(t, 1, "upsert import: the table that -create has made is dropped again\n")
		runProgram(t, "-dsn", ns.DSN(), "-key", "id", "-table", "items", dbtest.WriteFile(t, "x.csv", "id,n\n1,a\n")).failed(t, 1, "-create makes a table that is missing")

		chunks := runWith(t, t.Context(), "id,n\n1,a\n2,b\nx,c\n", append(args, "-chunk", "1", "-")...)
		chunks.failed(t, 1, "2 rows written before stay")
		if got := query(t, ns.DB(), "SELECT n FROM items ORDER BY id"); strings.Join(got, " ") != "a b" {
			t.Fatalf("the table has %q; want the rows that were committed", got)
		}
		runWith(t, t.Context(), "id,n\n1,a\nx,b\n", append(args, "-")...).failed(t, 1, "nothing was written")
		if got := query(t, ns.DB(), "SELECT n FROM items ORDER BY id"); strings.Join(got, " ") != "a b" {
			t.Fatalf("the table has %q; want the table of another run as it was", got)
		}
	})
}

func TestRun_FailedCreateLeavesNoFile(t *testing.T) {
	t.Parallel()
	for _, params := range []string{"", "?_journal_mode=WAL", "file:"} {
		folder := t.TempDir()
		dsn := filepath.Join(folder, "x y.db") + params
		if params == "file:" {
			dsn = "file:" + filepath.Join(folder, "x%20y.db") + "?_journal_mode=WAL"
		}
		args := []string{"-dsn", dsn, "-create", "-key", "id", "-type", "id=integer,n=text", "-table", "items", "-format", "csv", "-"}
		runWith(t, t.Context(), "id,n\n1,a\nx,b\n", args...).failed(t, 1, "is not of type integer")
		wantNoFiles(t, folder)
		runWith(t, t.Context(), "id,n\n1,a\n", args...).ok(t, "1 inserted")
		runWith(t, t.Context(), "id,n\n1,b\nx,b\n", args...).failed(t, 1, "is not of type integer")
		if got := query(t, openSQLiteFile(t, dsn), "SELECT n FROM items"); strings.Join(got, " ") != "a" {
			t.Fatalf("the table has %q; want the row of the run before", got)
		}
	}
	runWith(t, t.Context(), "id,n\n1,a\n", "-dsn", ":memory:", "-create", "-key", "id", "-type", "id=integer,n=text", "-table", "items", "-format", "csv", "-").ok(t, "1 inserted")
}

func TestRun_NoFolderForTheDatabase(t *testing.T) {
	t.Parallel()
	file := dbtest.WriteFile(t, "items.csv", "id,n\n1,a\n")
	runProgram(t, "-dsn", filepath.Join(t.TempDir(), "none", "x.db"), "-create", "-key", "id", file).failed(t, 1, "-dsn: open ")
}
