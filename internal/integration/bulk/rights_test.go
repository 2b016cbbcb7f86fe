package bulk_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/jmoiron/sqlx"
)

// The tests of this file check how the path of a batch depends on its size, its table, the rights of the user and the
// settings of the server.

// sentPath returns the path of the sent statements, which it recognizes by their words.
func sentPath(texts []string) string {
	all := strings.Join(texts, "\n")
	switch {
	case strings.Contains(all, "COPY "), strings.Contains(all, "LOAD DATA"), strings.Contains(all, "TEMPORARY TABLE"):
		return "copy"
	case strings.Contains(all, "unnest("):
		return "arrays"
	case strings.Contains(all, "INSERT INTO"):
		return "values"
	}
	return "none"
}

// listed has a text column that can hold the text of an array.
type listed struct {
	K int `upsert:"key"`
	V string
}

// retriedRows returns n rows with the value v. The keys start at 0.
func retriedRows(n, v int) []pair {
	rows := make([]pair, n)
	for i := range rows {
		rows[i] = pair{i, v}
	}
	return rows
}

// wantRefused wants an UnsupportedError with this hint.
func wantRefused(l *lab.Lab, what string, err error, hint string) {
	l.Helper()
	lacks, ok := lab.AsType[*dialect.UnsupportedError](err)
	if !ok || lacks.Dialect != l.D.Name() || !strings.Contains(lacks.Hint, hint) {
		l.Errorf("%s: %v; want a *dialect.UnsupportedError of %s with the hint %q", what, err, l.D.Name(), hint)
	}
}

// overheard is a pool that records its statements.
type overheard struct {
	*sql.DB
	proxy *faults.Proxy
	read  int
}

func overhear(l *lab.Lab) *overheard {
	l.Helper()
	proxy := faults.NewProxy(l, l.NS)
	db, err := sql.Open(faults.DriverName(l.NS), proxy.DSN())
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { _ = db.Close() })
	return &overheard{DB: db, proxy: proxy}
}

// path returns the path of the statements sent since the last call of path.
func (w *overheard) path() string {
	var texts []string
	all := w.proxy.Requests()
	for _, r := range all[w.read:] {
		texts = append(texts, r.Text)
	}
	w.read = len(all)
	return sentPath(texts)
}

// TestBulkPathIsChosen checks that the path depends on the number of rows, the database and the table.
func TestBulkPathIsChosen(t *testing.T) {
	t.Parallel()
	type sparse struct {
		K int `upsert:"key"`
		V int `upsert:"omitzero"`
	}
	lab.Each(t, lab.Postgres+" "+lab.OnDuplicateKey, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT)")
		pg, db, table := l.Family() == "postgres", overhear(l), lab.Table[pair](l, "things", lab.Load)
		want := func(what, path string, err error) {
			l.Helper()
			if !pg {
				path = "values"
			}
			l.Want(what, fmt.Sprint(db.path(), " ", err), path+" <nil>")
		}
		for _, c := range []struct {
			n    int
			path string
		}{{1, "values"}, {2, "arrays"}, {1999, "arrays"}, {2000, "copy"}} {
			_, err := table.PutAll(l.Context(), db, retriedRows(c.n, 1))
			want(fmt.Sprintf("%d rows", c.n), c.path, err)
		}
		tx, err := db.BeginTx(l.Context(), nil)
		if err != nil {
			l.Fatal(err)
		}
		_, err = table.PutAll(l.Context(), tx, retriedRows(2000, 2))
		want("in a transaction of the caller's", "arrays", err)
		_, err = table.PutAll(l.Context(), tx, retriedRows(20, 3), upsert.Via(upsert.Values))
		want("a path for this call", "values", err)
		l.Commit(tx)
		some := make([]sparse, 200)
		for i := range some {
			some[i] = sparse{i, i % 2}
		}
		_, err = lab.Table[sparse](l, "things").PutAll(l.Context(), db, some)
		want("columns with omitzero that leave few rows alike", "values", err)
	})
}

// TestBulkPathOfAnArrayColumn checks that a batch is copied or sent as values if a column has an array type: its values
// cannot be elements of an array.
func TestBulkPathOfAnArrayColumn(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE lists (k int PRIMARY KEY, v int[])")
		rows := make([]listed, 2000)
		for i := range rows {
			rows[i] = listed{i, "{1,2}"}
		}
		db, table := overhear(l), lab.Table[listed](l, "lists")
		_, err := table.PutAll(l.Context(), db, rows[:1999])
		l.Want("1999 rows", fmt.Sprint(db.path(), " ", err), "values <nil>")
		_, err = table.PutAll(l.Context(), db, rows)
		l.Want("2000 rows", fmt.Sprint(db.path(), " ", err), "copy <nil>")
	})
}

// TestBulkPathIsRefused checks that a call fails and writes no row if the database, the table or the driver does not support
// the path.
func TestBulkPathIsRefused(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.Postgres+" "+lab.OnDuplicateKey+" "+lab.SQLite, func(l *lab.Lab) {
		refused := func(what, typ string, via upsert.Path, hint string, opts ...upsert.Option) {
			l.Helper()
			l.Exec("DROP TABLE IF EXISTS things", "CREATE TABLE things (k INT PRIMARY KEY, v "+typ+")")
			table := lab.Table[listed](l, "things", append(opts, upsert.Via(via))...)
			_, err := table.PutAll(l.Context(), l.DB, []listed{{1, "{1}"}, {2, "{2}"}})
			wantRefused(l, what, err, hint)
			_, err = table.PutSeq(l.Context(), l.DB, lab.Seq([]listed{{1, "{1}"}, {2, "{2}"}}))
			wantRefused(l, what+", a sequence", err, hint)
			l.Want(what+": rows", l.Text("SELECT COUNT(*) FROM things"), 0)
		}
		switch l.Family() {
		case "postgres":
			refused("arrays of arrays", "int[]", upsert.Arrays, "use Via(Copy) or Via(Values)")
			return
		case "mysql":
			refused("no reader", "VARCHAR(9)", upsert.Copy, "LoadThrough(mysql.RegisterReaderHandler")
			l.DB = l.NS.DB(engine.Param("loc", "Europe/Berlin"))
			refused("times of another zone", "VARCHAR(9)", upsert.Copy, "loc at UTC", lab.Load)
		default:
			refused("copy", "TEXT", upsert.Copy, "use Via(Values)")
		}
		refused("arrays", "VARCHAR(9)", upsert.Arrays, "use Via(Values)")
	})
}

// poor is a user of a database in which only users with an explicit grant may create temporary tables.
type poor struct {
	lab       *lab.Lab
	db, owner *sqlx.DB // connections of the user and of the granting owner
	pool      func() *sqlx.DB
	grant     func(statement string) // the two %s of the statement are the database and the user
}

// newPoor creates the database and the user. Only a whole server can have both.
func newPoor(l *lab.Lab) *poor {
	l.Helper()
	name := l.NS.Name() + "_poor"
	l.Exec("CREATE DATABASE "+name, "CREATE ROLE "+name+" LOGIN PASSWORD 'poor'", "REVOKE TEMPORARY ON DATABASE "+name+" FROM PUBLIC")
	l.Cleanup(func() {
		for _, drop := range []string{"DROP DATABASE " + name + " WITH (FORCE)", "DROP ROLE " + name} {
			if _, err := l.DB.ExecContext(context.WithoutCancel(l.Context()), drop); err != nil {
				l.Errorf("%s: %v", drop, err)
			}
		}
	})
	in := []engine.Option{engine.Param("dbname", name), engine.Param("search_path", "public")}
	as := append(in, engine.Param("user", name), engine.Param("password", "poor"))
	p := &poor{lab: l, owner: l.NS.DB(in...)}
	p.pool = func() *sqlx.DB { return l.NS.DB(as...) }
	p.grant = func(statement string) { l.On(p.owner, fmt.Sprintf(statement, name, name)) }
	l.On(p.owner, "CREATE TABLE things (k int PRIMARY KEY, v int)")
	l.On(p.owner, "GRANT ALL ON things TO "+name)
	p.db = p.pool()
	p.lab.Want("the user's right", p.lab.TextOn(p.db, "SELECT has_database_privilege(current_database(), 'TEMPORARY')"), false)
	return p
}

// rows returns the number of rows in the table and the sum of their values.
func (p *poor) rows() string { return p.lab.TextOn(p.owner, "SELECT COUNT(*), SUM(v) FROM things") }

func TestBulkWithoutTheRightToStage(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		p := newPoor(l)
		table := lab.Table[pair](l, "things")
		r, err := table.PutAll(l.Context(), p.db, retriedRows(3000, 1), upsert.Outcomes())
		l.Want("Auto", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Inserted: 3000}, nil))
		r, err = table.PutSeq(l.Context(), p.db, lab.Seq(append(retriedRows(3000, 1), pair{3000, 1})), upsert.Outcomes())
		l.Want("Auto, a sequence", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Inserted: 1, Unchanged: 3000}, nil))
		tx, err := p.db.BeginTx(l.Context(), nil)
		if err != nil {
			l.Fatal(err)
		}
		for what, db := range map[string]upsert.DB{"a pool": p.db, "a transaction": tx} {
			_, err = table.PutAll(l.Context(), db, retriedRows(3000, 2), upsert.Via(upsert.Copy))
			wantRefused(l, "Via(Copy) on "+what, err, "grant TEMPORARY on the database, or use Via(Arrays)")
			_, err = table.PutSeq(l.Context(), db, lab.Seq(retriedRows(3000, 2)), upsert.Via(upsert.Copy))
			wantRefused(l, "Via(Copy) of a sequence on "+what, err, "grant TEMPORARY on the database, or use Via(Arrays)")
		}
		l.Commit(tx) // the transaction is not in a failed state
		l.Want("rows", p.rows(), "3001|3001")
		p.grant("GRANT TEMPORARY ON DATABASE %s TO %s")
		_, err = table.PutAll(l.Context(), p.db, retriedRows(3000, 3))
		l.Want("Auto of the same table, once it is granted", err, nil)
		for what, db := range map[string]upsert.DB{"the pool": p.db, "a new pool": p.pool()} {
			_, err = lab.Table[pair](l, "things").PutAll(l.Context(), db, retriedRows(3000, 4), upsert.Via(upsert.Copy))
			l.Want("Via(Copy) of a new table on "+what, err, nil)
		}
		l.Want("rows", p.rows(), "3001|12001")
	})
}

// TestBulkRightToStageIsTaken checks that batches use arrays if the user loses the right to stage rows.
func TestBulkRightToStageIsTaken(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		p := newPoor(l)
		p.grant("GRANT TEMPORARY ON DATABASE %s TO %s")
		auto, seq := lab.Table[pair](l, "things"), lab.Table[pair](l, "things", upsert.Via(upsert.Copy))
		_, err := auto.PutAll(l.Context(), p.db, retriedRows(3000, 1))
		l.Want("Auto", err, nil)
		_, err = seq.PutSeq(l.Context(), p.db, lab.Seq(retriedRows(3000, 2)))
		l.Want("a sequence", err, nil)
		p.grant("REVOKE TEMPORARY ON DATABASE %s FROM %s")
		_, err = auto.PutAll(l.Context(), p.db, retriedRows(3000, 3))
		l.Want("Auto, once it is revoked", err, nil)
		_, err = seq.PutSeq(l.Context(), p.db, lab.Seq(retriedRows(3000, 4)))
		l.WantCode("a sequence that cannot be read again", err, "42501")
		_, err = seq.PutSeq(l.Context(), p.db, lab.Seq(retriedRows(3000, 4)))
		wantRefused(l, "the next one", err, "grant TEMPORARY")
		l.Want("rows", p.rows(), "3000|9000")
	})
}

// infileOff is a connector to MariaDB that reports local_infile as off, because the real setting applies to a whole server.
// The connector records the statements.
type infileOff struct {
	driver.Connector
	sent []string
}

func (o *infileOff) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := o.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &infileConn{conn.(mysqlConn), o}, nil
}

type mysqlConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.NamedValueChecker
}

type infileConn struct {
	mysqlConn
	of *infileOff
}

func (c *infileConn) tell(query string) string {
	c.of.sent = append(c.of.sent, query)
	return strings.ReplaceAll(query, "@@local_infile", "0")
}

func (c *infileConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return c.mysqlConn.PrepareContext(ctx, c.tell(query))
}

func (c *infileConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.mysqlConn.ExecContext(ctx, c.tell(query), args)
}

func (c *infileConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.mysqlConn.QueryContext(ctx, c.tell(query), args)
}

func TestBulkWithoutLocalInfile(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT)")
		cfg, err := mysql.ParseDSN(l.NS.DSN())
		if err != nil {
			l.Fatal(err)
		}
		inner, err := mysql.NewConnector(cfg)
		if err != nil {
			l.Fatal(err)
		}
		off := &infileOff{Connector: inner}
		db := sql.OpenDB(off)
		l.Cleanup(func() { _ = db.Close() })
		registered := 0
		table := lab.Table[pair](l, "things", upsert.Via(upsert.Copy), upsert.LoadThrough(func(string, func() io.Reader) { registered++ }, func(string) {}))
		r, err := table.PutAll(l.Context(), db, retriedRows(3000, 1), upsert.Outcomes())
		l.Want("PutAll", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Inserted: 3000}, nil))
		r, err = table.PutSeq(l.Context(), db, lab.Seq(retriedRows(3000, 2)), upsert.Outcomes())
		l.Want("PutSeq", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Updated: 3000}, nil))
		tx, err := db.BeginTx(l.Context(), nil)
		if err != nil {
			l.Fatal(err)
		}
		r, err = table.PutAll(l.Context(), tx, retriedRows(3000, 2), upsert.Outcomes())
		l.Want("in a transaction of the caller's", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Unchanged: 3000}, nil))
		l.Commit(tx)
		_, err = lab.Table[pair](l, "things").PutAll(l.Context(), db, retriedRows(3000, 3), upsert.Via(upsert.Copy))
		wantRefused(l, "without LoadThrough", err, "LoadThrough")
		l.Want("path", sentPath(off.sent), "values")
		l.Want("readers that were registered", registered, 0)
		l.Want("rows", l.Text("SELECT COUNT(*), SUM(v) FROM things"), "3000|6000")
	})
}

// TestBulkTypeThatChangesQuietly shows that a change of a column's type is noticed only by the next New if the change causes
// no error.
func TestBulkTypeThatChangesQuietly(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k int PRIMARY KEY, v real)")
		known := lab.Table[listed](l, "things", upsert.Via(upsert.Arrays))
		for _, c := range []struct {
			change, want string
			table        *upsert.Table[listed]
		}{
			{"SELECT 1", "1|0.1 2|0.5", known},
			{"ALTER TABLE things ALTER v TYPE double precision", "1|0.10000000149011612 2|0.5", known},
			{"SELECT 1", "1|0.1 2|0.5", lab.Table[listed](l, "things", upsert.Via(upsert.Arrays))},
		} {
			l.Exec(c.change)
			_, err := c.table.PutAll(l.Context(), l.DB, []listed{{1, "0.1"}, {2, "0.5"}})
			l.Want("PutAll after "+c.change, err, nil)
			l.Want("rows after "+c.change, l.Text("SELECT * FROM things ORDER BY k"), c.want)
		}
	})
}
