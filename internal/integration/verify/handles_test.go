package verify_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
)

// bare has only the two methods of upsert.DB.
type bare struct{ upsert.DB }

// TestVerifyOnEveryHandle checks that Verify works on every handle, also in a transaction that only reads, and that the
// transaction stays usable.
func TestVerifyOnEveryHandle(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab.Lab) {
		script(l, "things", sound)
		script(l, "others", "CREATE TABLE $ (id BIGINT NOT NULL, name VARCHAR(255))")
		where := []upsert.Option{}
		if l.Family() != "mysql" { // a predicate takes a statement that the server refuses
			where = append(where, upsert.IndexWhere("name > 'a'"))
			script(l, "others", "CREATE UNIQUE INDEX $_x ON $ (id) WHERE name > 'b'")
		}
		tx := l.Begin(&sql.TxOptions{ReadOnly: true})
		for name, db := range map[string]upsert.DB{"pool": l.DB, "sql.DB": l.DB.DB, "connection": l.Conn(), "transaction": tx, "bare": bare{l.DB}} {
			if err := of[item]()(l, "things")(l.Context(), db); err != nil {
				l.Errorf("%s: %v", name, err)
			}
			l.Want(name, len(findings(l, of[item](where...)(l, "others"), db)), 1)
		}
		l.Want("a statement afterwards", l.TextOn(tx, "SELECT COUNT(*) FROM things"), 0)
		l.Commit(tx)
	})
}

// TestVerifyErrors checks that an error of the server or the context is no *SchemaError.
func TestVerifyErrors(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab.Lab) {
		ended, cancel := context.WithCancel(l.Context())
		cancel()
		closed := l.NS.DB()
		_ = closed.Close()
		verify := of[item]()(l, "things")
		for name, c := range map[string]struct {
			err error
			is  error
		}{"a context that has ended": {verify(ended, l.DB), context.Canceled}, "a closed pool": {verify(l.Context(), closed), nil}, "nil": {verify(l.Context(), nil), nil}} {
			var wrong *upsert.SchemaError
			var row *upsert.RowError
			if errors.As(c.err, &wrong) || !errors.As(c.err, &row) || c.is != nil && !errors.Is(c.err, c.is) {
				l.Errorf("%s: %v, want a *RowError", name, c.err)
			}
		}
	})
	table, err := upsert.New[item](mustVersion(t, "8.0.11-TiDB-v7.5.0"), "things")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("mysql", "nobody@tcp(127.0.0.1:1)/nowhere")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var lacks *dialect.UnsupportedError
	if err := table.Verify(t.Context(), bare{db}); !errors.As(err, &lacks) {
		t.Errorf("on TiDB: %v, want a *dialect.UnsupportedError", err)
	}
	if _, err := table.Schema(); !errors.As(err, &lacks) {
		t.Errorf("Schema on TiDB: %v, want a *dialect.UnsupportedError", err)
	}
}

func mustVersion(t *testing.T, banner string) dialect.Dialect {
	t.Helper()
	d, err := dialect.FromVersion(banner)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestVerifyNeedsNoClaim checks that a table with a column of rule add can be verified outside of a claim.
func TestVerifyNeedsNoClaim(t *testing.T) {
	t.Parallel()
	type counter struct {
		ID int64 `upsert:"key"`
		N  int64 `upsert:"add"`
	}
	lab.Each(t, lab.SQLite, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)")
		l.Want("Verify", of[counter]()(l, "things")(l.Context(), l.DB), nil)
	})
}

// TestVerifyNames checks tables that a schema's name qualifies, and temporary tables.
func TestVerifyNames(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab.Lab) {
		schema := l.NS.Name()
		if l.D.Name() == "sqlite" {
			schema = "main"
		}
		script(l, "things", sound)
		script(l, "wrong", "CREATE TABLE $ (id BIGINT, name VARCHAR(255))")
		l.Want("qualified", of[item]()(l, schema+".things")(l.Context(), l.DB), nil)
		l.Want("qualified and wrong", brief(findings(l, of[item]()(l, schema+".wrong"), l.DB)), "fault no unique index \"id\" \"\"\nfault nullable key \"id\" \"\"")
		l.Want("no schema", brief(findings(l, of[item]()(l, "no_such_schema.things"), l.DB)), `fault no table "" ""`)
		conn := l.Conn()
		l.On(conn, "CREATE TEMPORARY TABLE fleeting (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(255))")
		l.Want("temporary", of[item]()(l, "fleeting")(l.Context(), conn), nil)
		l.On(conn, "CREATE TEMPORARY TABLE wanting (id BIGINT NOT NULL, name VARCHAR(255))")
		l.Want("temporary and wrong", brief(findings(l, of[item]()(l, "wanting"), conn)), `fault no unique index "id" ""`)
	})
	lab.Each(t, lab.SQLite, func(l *lab.Lab) {
		conn := l.Conn()
		l.On(conn, "ATTACH ':memory:' AS beside")
		l.On(conn, "CREATE TABLE beside.things (id INTEGER PRIMARY KEY, name TEXT)")
		l.Want("attached", of[item]()(l, "things")(l.Context(), conn), nil)
		l.Want("attached and named", of[item]()(l, "beside.things")(l.Context(), conn), nil)
	})
}

// TestVerifyManyColumnsAndIndexes checks a table of 1,000 columns and another table of many indexes.
func TestVerifyManyColumnsAndIndexes(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab.Lab) {
		columns, options := []string{"id BIGINT NOT NULL PRIMARY KEY"}, []upsert.Option{upsert.Column("id", upsert.Key)}
		indexed, indexes := []string{"id BIGINT NOT NULL PRIMARY KEY"}, 200
		if l.Family() == "mysql" {
			indexes = 60
		}
		for n := range 999 {
			columns = append(columns, fmt.Sprintf("c%d INT", n))
			options = append(options, upsert.Column(fmt.Sprintf("c%d", n), upsert.Replace))
		}
		for n := range indexes {
			indexed = append(indexed, fmt.Sprintf("c%d BIGINT", n))
		}
		l.Exec("CREATE TABLE wide ("+strings.Join(columns, ", ")+")", "CREATE TABLE indexed ("+strings.Join(indexed, ", ")+")")
		for n := range indexes {
			l.Exec(fmt.Sprintf("CREATE UNIQUE INDEX x%d ON indexed (c%d)", n, n))
		}
		wide := of[map[string]any](options...)(l, "wide")
		l.Want("1,000 columns", brief(findings(l, wide, l.DB)), "")
		l.Exec("ALTER TABLE wide DROP COLUMN c500")
		l.Want("one of them missing", brief(findings(l, wide, l.DB)), `fault no column "c500" ""`)
		l.Want("indexes", len(findings(l, of[keyOf[int64]]()(l, "indexed"), l.DB)), indexes)
	})
}

// TestVerifySessions checks what a connection's settings make of a sound table.
func TestVerifySessions(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab.Lab) {
		script(l, "things", strings.TrimSuffix(sound, ")")+", CONSTRAINT c CHECK (id > 0))")
		for setting, want := range map[string]map[string]string{
			"sqlite":  {"PRAGMA query_only = 1": `fault rights "" ""`, "PRAGMA ignore_check_constraints = 1": `note constraint that is not enforced "" ""`},
			"my":      {"SET sql_mode = ''": `fault session is not strict "" ""`, "SET sql_mode = 'STRICT_ALL_TABLES'": "", "SET sql_mode = 'ANSI,TRADITIONAL'": ""},
			"mariadb": {"SET check_constraint_checks = 0": `note constraint that is not enforced "" ""`},
		} {
			if setting != strings.Replace(l.Family(), "mysql", "my", 1) && setting != l.NS.Engine().Name() {
				continue
			}
			for statement, finding := range want {
				l.Want(statement, brief(findings(l, of[item]()(l, "things"), l.Session(statement))), finding)
			}
		}
	})
}

// TestVerifyRights checks that the rights that the user lacks are named, and that the rights that no statement needs are not.
func TestVerifyRights(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		user := l.NS.Name() + "_u"
		l.Exec("CREATE ROLE "+user+" LOGIN PASSWORD 'poor'", "GRANT USAGE ON SCHEMA "+l.NS.Name()+" TO "+user)
		l.Cleanup(func() { // the namespace, and with it the grants, is dropped later
			_, _ = l.DB.ExecContext(context.WithoutCancel(l.Context()), "DROP OWNED BY "+user)
			_, _ = l.DB.ExecContext(context.WithoutCancel(l.Context()), "DROP ROLE "+user)
		})
		wantRights(l, user, l.NS.DB(engine.Param("user", user), engine.Param("password", "poor")))
		wantSequenceRight(l, user, l.NS.DB(engine.Param("user", user), engine.Param("password", "poor")))
		l.Exec("REVOKE USAGE ON SCHEMA " + l.NS.Name() + " FROM " + user)
		l.Want("no right on the schema", brief(findings(l, of[item]()(l, l.NS.Name()+".things"), l.NS.DB(engine.Param("user", user), engine.Param("password", "poor")))), `fault rights "" ""`)
	})
	for _, name := range []string{"mariadb", "mysql57", "mysql"} {
		lab.Each(t, name, func(l *lab.Lab) {
			user := "u" + strings.TrimPrefix(l.NS.Name(), "upsert_test_")
			l.Exec("CREATE USER " + user + " IDENTIFIED BY 'poor'")
			l.Cleanup(func() { _, _ = l.DB.ExecContext(context.WithoutCancel(l.Context()), "DROP USER "+user) })
			dsn := l.NS.DSN()
			db, err := sql.Open("mysql", user+":poor@"+dsn[strings.LastIndex(dsn, "@")+1:])
			if err != nil {
				l.Fatal(err)
			}
			l.Cleanup(func() { _ = db.Close() })
			script(l, "lobby", sound)
			l.Exec("GRANT SELECT ON lobby TO " + user) // otherwise the user may not use the database
			wantRights(l, user, db)
		})
	}
}

// givenID is identified, whose caller numbers the rows.
type givenID struct {
	ID   int64
	Code string `upsert:"key"`
}

// wantSequenceRight checks that the right to the sequence of a serial column is asked for, and that the right to an identity's sequence is
// not, because no insert needs it.
func wantSequenceRight(l *lab.Lab, user string, db upsert.DB) {
	l.Helper()
	l.Exec("CREATE TABLE numbered (id BIGSERIAL PRIMARY KEY, code TEXT NOT NULL UNIQUE)", "CREATE TABLE identities (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code TEXT NOT NULL UNIQUE)")
	l.Exec("GRANT SELECT, INSERT, UPDATE ON numbered, identities TO " + user)
	l.Want("an identity", brief(findings(l, of[identified]()(l, "identities"), db)), "")
	found := findings(l, of[identified]()(l, "numbered"), db)
	l.Want("a serial", brief(found), `fault rights "id" ""`)
	_, err := lab.Table[identified](l, "numbered").Put(l.Context(), db, &identified{Code: "a"})
	l.WantErr("Put without the right", err, nil, "permission denied for sequence")
	l.Want("the number is given", brief(findings(l, of[givenID]()(l, "numbered"), db)), `note other unique index "id" "numbered_pkey"`)
	l.Exec(found[0].Mend)
	l.Want("a serial, mended", brief(findings(l, of[identified]()(l, "numbered"), db)), "")
	l.Want("Put", lab.Put(l, lab.Table[identified](l, "numbered"), db, identified{Code: "a"}), upsert.Inserted)
}

func wantRights(l *lab.Lab, user string, db upsert.DB) {
	l.Helper()
	script(l, "things", sound)
	verify := of[item]()(l, "things")
	if found := brief(findings(l, verify, db)); !strings.HasPrefix(found, "fault rights") {
		l.Errorf("without a right: got %s, want the rights", found)
	}
	script(l, "bare", "CREATE TABLE $ (id BIGINT, name VARCHAR(255))")
	l.Exec("GRANT INSERT ON bare TO " + user)
	if found := brief(findings(l, of[item]()(l, "bare"), db, upsert.CountDuplicates())); !strings.Contains(found, "fault no unique index") {
		l.Errorf("INSERT alone, counted: got %s, want the index too", found)
	}
	l.Exec("GRANT SELECT ON things TO " + user)
	l.Want("SELECT alone", brief(findings(l, verify, db)), lacking(l, "INSERT", "id, name")+"\n"+lacking(l, "UPDATE", ""))
	l.Exec("GRANT INSERT ON things TO " + user)
	l.Want("SELECT and INSERT", brief(findings(l, verify, db)), lacking(l, "UPDATE", ""))
	l.Exec("GRANT UPDATE (name) ON things TO " + user)
	want := ""
	if l.Family() == "mysql" { // the key is set to itself
		want = `fault rights "id" ""`
	}
	l.Want("UPDATE of what is assigned", brief(findings(l, verify, db)), want)
	l.Exec("GRANT UPDATE ON things TO " + user)
	l.Want("all rights", brief(findings(l, verify, db)), "")
	row := item{1, "a"}
	_, err := lab.Table[item](l, "things").Put(l.Context(), db, &row)
	l.Want("a write by these rights", err, nil)
}

// lacking returns the finding that a right is lacking. No columns stand for those that UPDATE needs.
func lacking(l *lab.Lab, right, columns string) string {
	if right == "UPDATE" {
		if columns = "name"; l.Family() == "mysql" {
			columns = "id, name"
		}
	}
	return fmt.Sprintf("fault rights %q %q", columns, "")
}

// TestVerifyBehindAPooler checks that a pooler is a note.
func TestVerifyBehindAPooler(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		script(l, "things", sound)
		l.Want("behind a pooler", brief(findings(l, of[item]()(l, "things"), engine.Pooler(l.NS).DB())), `note pooler "" ""`)
	})
}
