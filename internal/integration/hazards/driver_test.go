package hazards_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/lab"
)

// unpreparing is a transaction that counts the statements prepared on it.
type unpreparing struct {
	*sql.Tx
	prepared int
}

func (u *unpreparing) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	u.prepared++
	return u.Tx.PrepareContext(ctx, query)
}

func TestHazard_E2_NothingIsPreparedOnPostgres(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	lab.Each(t, "sqlite "+lab.OnDuplicateKey+" "+lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT)")
		rows, handle := make([]thing, 4*l.D.Traits().Limits.Rows), &unpreparing{Tx: l.Begin(nil)}
		for i := range rows {
			rows[i] = thing{i, i}
		}
		if _, err := lab.Table[thing](l, "things").PutAll(l.Context(), handle, rows); err != nil {
			l.Fatalf("PutAll: %v", err)
		}
		// Behind a pooler the statement's name could belong to another client. On other databases a repeated text is worth
		// preparing.
		l.Want("prepared statements", handle.prepared, map[bool]int{true: 0, false: 1}[l.D.Name() == "postgres"])
	})
}

// brokenServer is a driver whose statements return the errors of fail. Its Commit always succeeds, as on Galera after a
// deadlock.
type brokenServer struct {
	fail func(nth int, query string) error // nth counts INSERTs from 1

	mu      sync.Mutex
	inserts int
	log     []string // the first words of the statements
}

func (s *brokenServer) note(query string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	word, _, _ := strings.Cut(query, " ")
	s.log = append(s.log, word)
	if word != "INSERT" {
		return nil
	}
	s.inserts++
	return s.fail(s.inserts, query)
}

func (s *brokenServer) Connect(context.Context) (driver.Conn, error) { return brokenConn{s}, nil }
func (s *brokenServer) Driver() driver.Driver                        { return nil }

type brokenConn struct{ *brokenServer }

func (c brokenConn) Prepare(query string) (driver.Stmt, error) {
	return nil, fmt.Errorf("%s is prepared; want different statements, which are not prepared", query)
}
func (c brokenConn) Close() error { return nil }
func (c brokenConn) Begin() (driver.Tx, error) {
	return brokenTx(c), c.note("BEGIN")
}
func (c brokenConn) ExecContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Result, error) {
	return driver.RowsAffected(1), c.note(query)
}

// QueryContext returns rows. A failure appears only when the rows are read.
func (c brokenConn) QueryContext(_ context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	switch {
	case strings.HasPrefix(query, "SHOW INDEX"), query == "SELECT @@sql_mode":
		return nil, &mysql.MySQLError{Number: 1142}
	case strings.HasPrefix(query, "SELECT"): // the catalog, which has no columns for the table
		return &brokenRows{err: io.EOF}, nil
	}
	return &brokenRows{err: c.note(query), key: args[0].Value}, nil
}

type brokenTx struct{ *brokenServer }

func (t brokenTx) Commit() error   { return t.note("COMMIT") }
func (t brokenTx) Rollback() error { return t.note("ROLLBACK") }

// brokenRows is one inserted row as MariaDB returns it.
type brokenRows struct {
	err error
	key driver.Value
}

func (r *brokenRows) Columns() []string { return []string{"code"} }
func (r *brokenRows) Close() error      { return nil }
func (r *brokenRows) Next(dest []driver.Value) error {
	if r.err != nil {
		return r.err
	}
	r.err, dest[0] = io.EOF, dialect.CodeInserted
	return nil
}

func TestHazard_E3_FailedTransactionIsNeverCommitted(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int `upsert:"omitzero"` // so that two rows need two statements
	}
	deadlock := &mysql.MySQLError{Number: 1213, Message: "Deadlock found"}
	syntax := &mysql.MySQLError{Number: 1064, Message: "You have an error"}
	second := func(times int, err error) func(int, string) error {
		return func(nth int, _ string) error {
			if nth%2 == 0 && nth <= 2*times {
				return err
			}
			return nil
		}
	}
	const failed, done = "BEGIN INSERT INSERT ROLLBACK", "BEGIN INSERT INSERT COMMIT"
	for _, c := range []struct {
		name string
		d    dialect.Dialect
		fail func(int, string) error
		err  error
		log  string
	}{
		{"deadlock each time", dialect.MariaDB, second(9, deadlock), deadlock, failed + " " + failed + " " + failed},
		{"deadlock once", dialect.MariaDB, second(1, deadlock), nil, failed + " " + done},
		{"an error that stays", dialect.MariaDB, second(9, syntax), syntax, failed},
		{"deadlock each time", dialect.MySQL, second(9, deadlock), deadlock, failed + " " + failed + " " + failed},
		{"deadlock each time", dialect.Postgres, second(9, deadlock), deadlock, failed + " " + failed + " " + failed},
		{"deadlock once", dialect.SQLite, second(1, deadlock), nil, failed + " " + done},
		{"an error that stays", dialect.SQLite, second(9, syntax), syntax, failed},
		{"a lost connection once", dialect.Postgres, second(1, io.ErrUnexpectedEOF), nil, failed + " " + done},
	} {
		t.Run(c.d.Name()+"/"+c.name, func(t *testing.T) {
			t.Parallel()
			table, err := upsert.New[thing](c.d, "things", upsert.Retries(2))
			if err != nil {
				t.Fatalf("New: %v", err)
			}
			server := &brokenServer{fail: c.fail}
			db := sql.OpenDB(server)
			defer db.Close()
			_, err = table.PutAll(t.Context(), db, []thing{{1, 0}, {2, 2}})
			if !errors.Is(err, c.err) || c.err == nil && err != nil {
				t.Errorf("PutAll: %v, want %v", err, c.err)
			}
			if got := strings.Join(server.log, " "); got != c.log {
				t.Errorf("what was sent:\n%s\nwant\n%s", got, c.log)
			}
		})
	}
}

func TestHazard_E3_ErrorOfTheRowsOrOfTheCallback(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int `upsert:"omitzero"`
	}
	table, err := upsert.New[thing](dialect.MariaDB, "things", upsert.Retries(0))
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	rows := []thing{{1, 0}, {2, 2}}
	deadlock := &mysql.MySQLError{Number: 1213}
	fine := func(int, string) error { return nil }
	for name, c := range map[string]struct {
		fail func(int, string) error
		opt  upsert.PutOption
		log  string
	}{
		"fine":                      {fine, upsert.Outcomes(), "BEGIN INSERT INSERT COMMIT"},
		"error with the rows":       {func(nth int, _ string) error { return map[int]error{2: deadlock}[nth] }, upsert.Outcomes(), "BEGIN INSERT INSERT ROLLBACK"},
		"panic in a Progress":       {fine, upsert.Progress(func(int64) { panic("enough") }), "BEGIN INSERT ROLLBACK"},
		"error of the last of them": {func(nth int, _ string) error { return map[int]error{1: deadlock}[nth] }, upsert.Outcomes(), "BEGIN INSERT ROLLBACK"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &brokenServer{fail: c.fail}
			db := sql.OpenDB(server)
			defer db.Close()
			r, err := put(t, table, db, rows, c.opt)
			if committed := strings.HasSuffix(c.log, "COMMIT"); committed != (err == nil) || committed != (r.Inserted == 2) {
				t.Errorf("PutAll: %+v, err %v; want success and two inserted rows if and only if the transaction was committed", r, err)
			}
			if got := strings.Join(server.log, " "); got != c.log {
				t.Errorf("what was sent: %s, want %s", got, c.log)
			}
		})
	}
}

// put calls PutAll and returns a panic as an error.
func put[T any](t *testing.T, table *upsert.Table[T], db upsert.DB, rows []T, opt upsert.PutOption) (r upsert.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return table.PutAll(t.Context(), db, rows, opt)
}

// Other packages test the remaining hazards. Package keys tests the hazards of claims and inboxes, and the advice of H18, S9
// and P25 about tables and lock budgets. The tests of the bulk paths have P18. Verify has the startup check of P10, the
// refusal of H10 and the engine check of E7. Package dialect tests the classes of E7 and the texts for MySQL (H11, H15,
// H19). Prepare and staging have E8 and the detection of a pooler for E2. E4 and E5 need a Galera cluster. E9 and E10 are
// about databases that are not supported.
