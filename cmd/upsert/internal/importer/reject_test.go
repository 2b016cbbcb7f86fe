package importer

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goupsert/upsert/cmd/upsert/internal/dbtest"
	"github.com/goupsert/upsert/dialect"
)

// rejected is what a reject file holds: line, column and record of each row; the reasons are checked to begin with something.
func rejected(t *testing.T, path string) (rows, reasons []string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil || len(all) == 0 || strings.Join(all[0], ",") != "line,column,reason,record" {
		t.Fatalf("the reject file is %q, error %v; want a CSV file with its header", all, err)
	}
	for _, row := range all[1:] {
		rows, reasons = append(rows, row[0]+"|"+row[1]+"|"+row[3]), append(reasons, row[2])
	}
	return rows, reasons
}

func wantRejects(t *testing.T, path string, want ...string) []string {
	t.Helper()
	rows, reasons := rejected(t, path)
	if !slices.Equal(rows, want) {
		t.Fatalf("the reject file has %q, reasons %q; want %q", rows, reasons, want)
	}
	return reasons
}

// rejects fails the test unless the run ended with 3 and its report has want in it.
func (o outcome) rejects(t *testing.T, want string) {
	t.Helper()
	if o.code != 3 || !strings.Contains(o.stdout, want) {
		t.Fatalf("ended with %d, stdout %q, stderr %q; want 3 and %q on stdout", o.code, o.stdout, o.stderr, want)
	}
}

const rowsToReject = "id,n\n1,a\nx,b\n\n3\n4,d,e\n,f\n6,\"g\xff\"\n7,\"h\nh\"\n8,\"i\x00\",j\n9,ok\n"

func TestEngines_RejectRowsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		file, to := dbtest.WriteFile(t, "items.csv", rowsToReject), filepath.Join(t.TempDir(), "bad.csv")
		args := []string{"-dsn", ns.DSN(), "-create", "-key", "id", "-type", "id=integer", "-reject", to, file}
		runProgram(t, args...).rejects(t, "items.csv: 9 rows: 3 inserted, 0 updated, 0 unchanged, 0 stale, 6 rejected in ")
		reasons := wantRejects(t, to, "3|id|x,b", "5|n|3", "6||4,d,e", "7|id|,f", "8|n|6,\"g\xff\"", "11||8,\"i\x00\",j")
		for i, want := range []string{`"x" is not of type integer`, `1 field, 2 expected: no "n"`, `3 fields, 2 expected`, "is NULL", "invalid UTF-8", "3 fields"} {
			if !strings.Contains(reasons[i], want) {
				t.Errorf("reason %d is %q; want %q", i, reasons[i], want)
			}
		}
		if got := query(t, ns.DB(), "SELECT n FROM items ORDER BY id"); strings.Join(got, "|") != "a|h\nh|ok" {
			t.Fatalf("the table has %q; want the good rows", got)
		}
		runProgram(t, args...).failed(t, 1, "-reject: "+to+" is there already: move it away, or name another file\nupsert import: nothing was written")
		if err := os.Remove(to); err != nil {
			t.Fatal(err)
		}
		runProgram(t, args...).rejects(t, "0 inserted, 0 updated, 3 unchanged, 0 stale, 6 rejected")
	})
}

func TestEngines_RejectLinesOfNDJSON(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		lines := []string{`{"id":1,"n":{"a":1}}`, `{"id":2,"n":`, ` 7`, `{"id":"x","n":{}}`, `{"id":3}`, `{"id":4,"n":{},"m":1}`, `{"id":5,"n":{}}`}
		to := filepath.Join(t.TempDir(), "bad.csv")
		args := []string{"-dsn", ns.DSN(), "-create", "-key", "id", "-type", "id=integer", "-reject", to, dbtest.WriteFile(t, "items.ndjson", strings.Join(lines, "\n\n"))}
		runProgram(t, args...).rejects(t, "7 rows: 2 inserted, 0 updated, 0 unchanged, 0 stale, 5 rejected")
		wantRejects(t, to, "3||"+lines[1], "5||"+lines[2], "7|id|"+lines[3], "9|n|"+lines[4], "11||"+lines[5])
	})
}

// refusedRows is a file of 2,500 rows with six bad ones, and what the rejects are to be without their columns. MySQL 5.7 reads a
// CHECK and forgets it.
func refusedRows(e *dbtest.Engine) (text string, want []string) {
	bad := map[int]string{5: "5,,5,1", 6: "6,6000,6,1", 7: "7,7,77,1", 8: "8,8,8,2", 1999: "1999,1,77,1", 2500: "x,1,2500,1"}
	if e.Name() == "mysql57" {
		bad[6] = "6,,6,1"
	}
	var b strings.Builder
	b.WriteString("id,n,u,p\n")
	for id := 1; id <= 2500; id++ {
		line, isBad := bad[id]
		if isBad {
			want = append(want, strconv.Itoa(id+1)+"|"+line)
		} else {
			line = strings.ReplaceAll("#,1,1#,1", "#", strconv.Itoa(id))
		}
		b.WriteString(line + "\n")
	}
	return b.String(), want
}

// TestEngines_RejectRowsThatTheDatabaseRefuses: by CHECK, NOT NULL, a foreign key and another unique key, near one another and
// far apart.
func TestEngines_RejectRowsThatTheDatabaseRefuses(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{"all at once": nil, "chunks": {"-chunk", "700"}, "in order": {"-in-order"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
				ns := e.Namespace(t)
				dsn := dsnWithForeignKeys(ns)
				execute(t, ns, "CREATE TABLE p (id INT PRIMARY KEY)")
				execute(t, ns, "INSERT INTO p VALUES (1)")
				execute(t, ns, "CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL CHECK (n < 5000), u INT UNIQUE, p INT, FOREIGN KEY (p) REFERENCES p (id))")
				execute(t, ns, "INSERT INTO t VALUES (9000, 1, 77, 1)")
				text, want := refusedRows(e)
				to := filepath.Join(t.TempDir(), "bad.csv")
				args := append(slices.Clone(flags), "-dsn", dsn, "-key", "id", "-reject", to, dbtest.WriteFile(t, "t.csv", text))
				runProgram(t, args...).rejects(t, "2,500 rows: 2,494 inserted, 0 updated, 0 unchanged, 0 stale, 6 rejected")
				wantRefused(t, to, want)
				if got := query(t, ns.DB(), "SELECT count(*) FROM t"); got[0] != "2495" {
					t.Fatalf("%s rows; want each good one", got)
				}
				if err := os.Remove(to); err != nil {
					t.Fatal(err)
				}
				runProgram(t, args...).rejects(t, "0 inserted, 0 updated, 2,494 unchanged, 0 stale, 6 rejected")
				wantRefused(t, to, want)
			})
		})
	}
}

// wantRefused leaves the columns out: which database names one, and when, is not the importer's doing.
func wantRefused(t *testing.T, path string, want []string) {
	t.Helper()
	rows, reasons := rejected(t, path)
	for i, row := range rows {
		parts := strings.SplitN(row, "|", 3)
		rows[i] = parts[0] + "|" + parts[2]
		if strings.Contains(reasons[i], "row 0") || reasons[i] == "" {
			t.Errorf("the reason %q counts rows of a call, or is none", reasons[i])
		}
	}
	if !slices.Equal(rows, want) {
		t.Fatalf("rejected %q, reasons %q; want %q", rows, reasons, want)
	}
}

// TestEngines_RejectNoneThatOnlyWaitsForALaterRow: the part is sent again by halves because of row x, and its halves end
// between the child and its parent.
func TestEngines_RejectNoneThatOnlyWaitsForALaterRow(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		dsn := dsnWithForeignKeys(ns)
		execute(t, ns, "CREATE TABLE tree (id INT PRIMARY KEY, parent INT, n INT NOT NULL, FOREIGN KEY (parent) REFERENCES tree (id))")
		to := filepath.Join(t.TempDir(), "bad.csv")
		file := dbtest.WriteFile(t, "tree.csv", "id,parent,n\n4,3,1\n5,4,\n3,2,1\n2,1,1\n6,7,1\n1,,1\n")
		args := []string{"-dsn", dsn, "-key", "id", "-reject", to, file}
		runProgram(t, args...).rejects(t, "6 rows: 4 inserted, 0 updated, 0 unchanged, 0 stale, 2 rejected")
		if rows, _ := rejected(t, to); len(rows) != 2 || !strings.HasPrefix(rows[0], "3|") || !strings.HasPrefix(rows[1], "6|") {
			t.Fatalf("rejected %q; want lines 3 and 6", rows)
		}
	})
}

// TestEngines_RejectedRowDoesNotUndoALaterOne: line 2 could be written after line 5, but line 3 has its key.
func TestEngines_RejectedRowDoesNotUndoALaterOne(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		execute(t, ns, "CREATE TABLE t (id INT PRIMARY KEY, u INT UNIQUE, n INT NOT NULL)")
		execute(t, ns, "INSERT INTO t VALUES (9, 1, 0)")
		to := filepath.Join(t.TempDir(), "bad.csv")
		file := dbtest.WriteFile(t, "t.csv", "id,u,n\n1,1,1\n1,2,2\n3,3,\n9,9,0\n")
		runProgram(t, "-dsn", ns.DSN(), "-key", "id", "-reject", to, file).rejects(t, "2 rejected")
		if rows, _ := rejected(t, to); len(rows) != 2 || !strings.HasPrefix(rows[0], "2|") || !strings.HasPrefix(rows[1], "4|") {
			t.Fatalf("rejected %q; want lines 2 and 4", rows)
		}
		if got := query(t, ns.DB(), "SELECT n FROM t WHERE id = 1"); got[0] != "2" {
			t.Fatalf("the row has %s; want what the later line says", got)
		}
	})
}

func TestEngines_RejectNothingOfAFailedRun(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		to := filepath.Join(t.TempDir(), "bad.csv")
		args := []string{"-dsn", ns.DSN(), "-create", "-key", "id", "-reject", to}
		// Nobody knows where a row with a quote in the wrong place ends.
		file := dbtest.WriteFile(t, "items.csv", manyRows(1500)+"1501\n1502,\"a\"b\n1503,c\n")
		typed := append(args, "-type", "id=integer,n=text", "-table", "items", "-format", "csv", "-")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		run := runWith(t, t.Context(), string(text), typed...)
		run.failed(t, 1, `stdin:1503:8: extraneous or missing "`)
		run.failed(t, 1, "upsert import: nothing was written\n")
		wantNoFiles(t, filepath.Dir(to))
		run = runWith(t, t.Context(), string(text), append([]string{"-chunk", "1000"}, typed...)...)
		run.failed(t, 1, "1,000 rows written before stay")
		wantNoFiles(t, filepath.Dir(to)) // none was rejected among those
		run = runWith(t, t.Context(), "id,n\n1\n2,b\n"+string(text), append([]string{"-chunk", "1000"}, typed...)...)
		run.failed(t, 1, "rows written before stay")
		rows, _ := rejected(t, to)
		if len(rows) == 0 || rows[0] != "2|n|1" {
			t.Fatalf("rejected %q; want the row that the committed chunk left out", rows)
		}
	})
}

func TestRun_NoRejectsNoFile(t *testing.T) {
	t.Parallel()
	to := filepath.Join(t.TempDir(), "bad.csv")
	args := []string{"-dsn", filepath.Join(t.TempDir(), "x.db"), "-create", "-key", "id", "-reject", to, dbtest.WriteFile(t, "items.csv", manyRows(2500))}
	runProgram(t, args...).ok(t, "2,500 rows: 2,500 inserted, 0 updated, 0 unchanged, 0 stale in ")
	wantNoFiles(t, filepath.Dir(to))
	runProgram(t, args...).ok(t, "2,500 unchanged")
	missing := append(slices.Clone(args[:6]), filepath.Join(t.TempDir(), "none", "bad.csv"), args[7])
	runProgram(t, missing...).failed(t, 1, "upsert import: -reject: open ")
}

// TestRun_TableFaultsRejectNothing: they are no fault of a row.
func TestRun_TableFaultsRejectNothing(t *testing.T) {
	t.Parallel()
	path, to := filepath.Join(t.TempDir(), "x.db"), filepath.Join(t.TempDir(), "bad.csv")
	db := openSQLiteFile(t, path)
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE items (id INT, n TEXT)"); err != nil {
		t.Fatal(err)
	}
	runProgram(t, "-dsn", path, "-key", "id", "-reject", to, dbtest.WriteFile(t, "items.csv", "id,n\n1,a\n2,b\n")).failed(t, 1, "no unique index")
	wantNoFiles(t, filepath.Dir(to))
}

// fullDisk takes no byte.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestRejects_AFileThatCannotBeWrittenStopsTheRun(t *testing.T) {
	t.Parallel()
	db := openSQLiteFile(t, filepath.Join(t.TempDir(), "x.db"))
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE items (id INTEGER PRIMARY KEY, n TEXT)"); err != nil {
		t.Fatal(err)
	}
	cfg := parsed(t, "-key", "id", "-reject", "bad.csv", "items.csv")
	rd, err := newCSV("items.csv", strings.NewReader("id,n\n1,a\nx,b\n"), cfg)
	if err != nil {
		t.Fatal(err)
	}
	cols, err := (&program{cfg: cfg}).columns("items.csv", rd.fields())
	if err != nil {
		t.Fatal(err)
	}
	cols[0].kind, cols[0].stored.kind = kindInteger, kindInteger
	d, err := dialect.Detect(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	_, err = upsertRows(t.Context(), db, d, cfg, &source{file: "items.csv", rd: rd, cols: cols}, newRejects("bad.csv", fullDisk{}), func(int64) {})
	wantError(t, err, "-reject: no space left on device")
	if got := query(t, db, "SELECT n FROM items"); len(got) != 0 {
		t.Fatalf("the table has %q; want nothing, because the rejects are lost", got)
	}
}

func TestEngines_InterruptedWithRejects(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		runProgram(t, "-dsn", ns.DSN(), "-create", "-key", "id", dbtest.WriteFile(t, "items.csv", "id,n\n0,a\n")).ok(t, "1 inserted")
		text := strings.Replace(manyRows(20_000), "7,", "x,", 1)
		ctx, cancel := context.WithCancel(t.Context())
		in := &stoppingReader{strings.NewReader(text), int64(len(text) / 2), cancel}
		to := filepath.Join(t.TempDir(), "bad.csv")
		var errs strings.Builder
		code := Run(ctx, []string{"-quiet", "-dsn", ns.DSN(), "-key", "id", "-table", "items", "-format", "csv", "-reject", to, "-"}, in, io.Discard, &errs)
		if code != 1 || errs.String() != "upsert import: interrupted: rolled back, nothing was written\n" {
			t.Fatalf("ended with %d, stderr %q; want 1 and that it was interrupted", code, errs.String())
		}
		wantNoFiles(t, filepath.Dir(to))
		if got := query(t, ns.DB(), `SELECT id FROM items`); len(got) != 1 {
			t.Fatalf("%d rows are in the table; want the one from before", len(got))
		}
	})
}
