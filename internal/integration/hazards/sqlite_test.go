package hazards_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/lab"
)

// The tests of this file check the hazards of SQLite from S1 to S11.

const (
	sqliteNotNull = "1299"
	sqliteUnique  = "2067"
	sqliteSyntax  = "1" // SQLITE_ERROR
)

// wantSQL wants a table's statement to contain the text with and not the text without.
func wantSQL[T any](l *lab.Lab, table *upsert.Table[T], with, without string) {
	l.Helper()
	query, _, err := table.SQL()
	if err != nil || !strings.Contains(query, with) || without != "" && strings.Contains(query, without) {
		l.Errorf("SQL: %s, err %v; want it with %q and without %q", query, err, with, without)
	}
}

func TestHazard_S1_NoSelectBeforeOnConflict(t *testing.T) {
	t.Parallel()
	type thing struct {
		K   int `upsert:"key"`
		V   int
		Rev int `upsert:"version"`
	}
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INTEGER PRIMARY KEY, v INT, rev INT)")
		l.Fails(l.DB, sqliteSyntax, "INSERT INTO things SELECT * FROM things ON CONFLICT (k) DO NOTHING")
		l.Fails(l.DB, "", "INSERT INTO things SELECT * FROM things WHERE true ON CONFLICT (k) DO NOTHING")
		table := lab.Table[thing](l, "things")
		wantSQL(l, table, " VALUES (?, ?, ?) ON CONFLICT ", "SELECT")
		r, err := table.PutAll(l.Context(), l.DB, []thing{{1, 1, 1}, {2, 2, 1}, {1, 3, 2}}, upsert.Outcomes())
		l.Want("PutAll", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Inserted: 2, Updated: 1}, nil))
	})
}

func TestHazard_S2_IndexPredicateIsNoUpdatePredicate(t *testing.T) {
	t.Parallel()
	type thing struct {
		K    int `upsert:"key"`
		Live int `upsert:"keep"`
	}
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT, live INT)", "CREATE UNIQUE INDEX once ON things (k) WHERE live = 1")
		l.Fails(l.DB, sqliteSyntax, "INSERT INTO things VALUES (1, 1) ON CONFLICT (k) DO NOTHING WHERE live = 1")
		table := lab.Table[thing](l, "things", upsert.IndexWhere("live = 1"))
		wantSQL(l, table, `ON CONFLICT ("k") WHERE live = 1 DO NOTHING`, "DO NOTHING WHERE")
		l.Want("Put", lab.Put(l, table, l.DB, thing{1, 1}), upsert.Inserted)
		l.Want("Put again", lab.Put(l, table, l.DB, thing{1, 1}), upsert.Unchanged)
		l.Want("rows", l.Text("SELECT * FROM things"), "1|1")
	})
}

func TestHazard_S3_PartialIndexPredicateIsLiteral(t *testing.T) {
	t.Parallel()
	type thing struct {
		K    int `upsert:"key"`
		Live int `upsert:"keep"`
		V    int
	}
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT, live INT, v INT)", "CREATE UNIQUE INDEX once ON things (k) WHERE live = 1")
		naive := "INSERT INTO things VALUES (1, 1, 1) ON CONFLICT (k) %s DO UPDATE SET v = 2"
		l.Fails(l.DB, sqliteSyntax, fmt.Sprintf(naive, ""))
		l.Fails(l.DB, sqliteSyntax, fmt.Sprintf(naive, "WHERE live = ?"), 1)

		_, err := lab.Table[thing](l, "things").Put(l.Context(), l.DB, &thing{1, 1, 1})
		l.WantErr("Put without IndexWhere", err, nil, "IndexWhere", "table things")
		table := lab.Table[thing](l, "things", upsert.IndexWhere("live = 1"))
		l.Want("Put", lab.Put(l, table, l.DB, thing{1, 1, 1}), upsert.Inserted)
		l.Want("Put again", lab.Put(l, table, l.DB, thing{1, 1, 2}), upsert.Updated)
		l.Want("rows", l.Text("SELECT * FROM things"), "1|1|2")
	})
}

func TestHazard_S4_UpdateThatMeetsAnotherKey(t *testing.T) {
	t.Parallel()
	type thing struct {
		K     int `upsert:"key"`
		Email string
	}
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INTEGER PRIMARY KEY, email TEXT UNIQUE)", "INSERT INTO things VALUES (1, 'a'), (2, 'b')")
		l.Fails(l.DB, sqliteUnique, "INSERT INTO things VALUES (2, 'a') ON CONFLICT (k) DO UPDATE SET email = excluded.email ON CONFLICT DO NOTHING")
		table := lab.Table[thing](l, "things")
		_, err := table.PutAll(l.Context(), l.DB, []thing{{1, "c"}, {2, "c"}})
		l.WantErr("PutAll", err, upsert.ErrOtherKey)
		for _, row := range []thing{{2, "a"}, {3, "a"}} {
			_, err := table.Put(l.Context(), l.DB, &row)
			l.WantErr("Put", err, upsert.ErrOtherKey)
			l.Want("its class", dialect.Classify(err), dialect.UniqueViolation)
		}
		l.Want("rows", l.Text("SELECT * FROM things ORDER BY k"), "1|a 2|b")
	})
}

func TestHazard_S5_DuplicateKeyInABatch(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INTEGER PRIMARY KEY, v INT)")
		l.Want("hazard: what is returned for two rows of one key",
			l.Text("INSERT INTO things VALUES (1, 1), (1, 2) ON CONFLICT (k) DO UPDATE SET v = excluded.v RETURNING *"), "1|1 1|2")
		var got []upsert.Outcome
		each := upsert.EachOutcome(func(_ int, o upsert.Outcome) { got = append(got, o) })
		if _, err := lab.Table[thing](l, "things").PutAll(l.Context(), l.DB, []thing{{3, 1}, {2, 1}, {3, 2}, {3, 2}}, each); err != nil {
			l.Errorf("PutAll: %v", err)
		}
		l.Want("outcomes, as if row by row", got, []upsert.Outcome{upsert.Inserted, upsert.Inserted, upsert.Updated, upsert.Unchanged})
		l.Want("rows", l.Text("SELECT * FROM things"), "1|2 2|1 3|2")
	})
}

func TestHazard_S6_LastInsertIDIsStaleAfterAnUpdate(t *testing.T) {
	t.Parallel()
	type thing struct {
		ID int64  `upsert:"generated"`
		K  string `upsert:"key"`
		V  int
	}
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (id INTEGER PRIMARY KEY, k TEXT UNIQUE, v INT)", "INSERT INTO things VALUES (1, 'a', 1), (2, 'b', 1)")
		s := l.Session("INSERT INTO things (k) VALUES ('c')")
		res, err := s.ExecContext(l.Context(), "INSERT INTO things (k, v) VALUES ('a', 2) ON CONFLICT (k) DO UPDATE SET v = 2")
		if err != nil {
			l.Fatalf("the naive statement: %v", err)
		}
		id, err := res.LastInsertId()
		l.Want("hazard: LastInsertId of an update of row 1", fmt.Sprint(id, err), "3 <nil>")
		for _, v := range []int{3, 3} {
			row := thing{K: "a", V: v}
			if _, err := lab.Table[thing](l, "things").Put(l.Context(), s, &row); err != nil || row.ID != 1 {
				l.Errorf("Put: id %d, err %v; want 1", row.ID, err)
			}
		}
	})
}

func TestHazard_S7_StoredRowIsKept(t *testing.T) {
	t.Parallel()
	type parent struct {
		K string `upsert:"key"`
		V int
	}
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		l.Exec("CREATE TABLE parents (id INTEGER PRIMARY KEY, k TEXT UNIQUE, v INT, note TEXT)",
			"CREATE TABLE children (parent INT REFERENCES parents ON DELETE CASCADE)",
			"INSERT INTO parents VALUES (5, 'a', 1, 'note'), (6, 'b', 1, 'note')", "INSERT INTO children VALUES (5), (6)",
			"INSERT OR REPLACE INTO parents (k, v) VALUES ('a', 2)")
		l.Want("hazard: the replaced row", l.Text("SELECT id, note FROM parents WHERE k = 'a'"), "7|NULL")
		l.Want("hazard: its children", l.Text("SELECT * FROM children"), "6")
		table := lab.Table[parent](l, "parents")
		wantSQL(l, table, "DO UPDATE SET", "REPLACE")
		lab.Put(l, table, l.DB, parent{"b", 2})
		if _, err := table.PutAll(l.Context(), l.DB, []parent{{"b", 3}}); err != nil {
			l.Errorf("PutAll: %v", err)
		}
		l.Want("the row", l.Text("SELECT * FROM parents WHERE k = 'b'"), "6|b|3|note")
		l.Want("its children", l.Text("SELECT * FROM children"), "6")
	})
}

func TestHazard_S8_OnlyTheKeysConflictIsSwallowed(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int     `upsert:"key"`
		V *string `upsert:"keep"`
	}
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INTEGER PRIMARY KEY, v TEXT NOT NULL)")
		l.Fails(l.DB, "", "INSERT OR IGNORE INTO things VALUES (1, NULL)")
		l.Want("hazard: rows after an insert that reported success", l.Text("SELECT * FROM things"), "")
		table := lab.Table[thing](l, "things")
		wantSQL(l, table, "DO NOTHING", "IGNORE")
		_, err := table.Put(l.Context(), l.DB, &thing{K: 1})
		l.WantCode("Put", err, sqliteNotNull)
		_, err = table.GetOrCreate(l.Context(), l.DB, &thing{K: 1})
		l.WantCode("GetOrCreate", err, sqliteNotNull)
		_, err = table.PutAll(l.Context(), l.DB, []thing{{K: 1}})
		l.WantCode("PutAll", err, sqliteNotNull)
	})
}

func TestHazard_S9_TextKeyTakesNulls(t *testing.T) {
	t.Parallel()
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k TEXT PRIMARY KEY, v INT)", "INSERT INTO things VALUES (NULL, 1)", "INSERT INTO things VALUES (NULL, 1)",
			"CREATE TABLE strict_things (k TEXT PRIMARY KEY) WITHOUT ROWID")
		l.Want("hazard: rows with NULL as the primary key", l.Text("SELECT COUNT(*) FROM things"), 2)
		l.Fails(l.DB, sqliteNotNull, "INSERT INTO strict_things VALUES (NULL)")
		table := lab.Table[map[string]any](l, "things", upsert.Column("k", upsert.Key), upsert.Column("v", upsert.Replace))
		_, err := table.PutAll(l.Context(), l.DB, []map[string]any{{"k": "a", "v": 1}, {"k": nil, "v": 1}})
		l.WantErr("PutAll", err, upsert.ErrNullKey, "row 1", "column k")
		l.Want("rows with another key", l.Text("SELECT COUNT(*) FROM things WHERE k IS NOT NULL"), 0)
	})
}

func TestHazard_S10_KeysOfTwoGoTypes(t *testing.T) {
	t.Parallel()
	type name string
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k BLOB PRIMARY KEY, v INT)", "INSERT INTO things VALUES ('1', 1)", "INSERT INTO things VALUES (x'31', 1)")
		l.Want("hazard: rows whose key is the byte 1", l.Text("SELECT COUNT(*) FROM things"), 2)
		l.Exec("DELETE FROM things")

		table := lab.Table[map[string]any](l, "things", upsert.Column("k", upsert.Key), upsert.Column("v", upsert.Replace))
		_, err := table.PutAll(l.Context(), l.DB, []map[string]any{{"k": "1", "v": 1}, {"k": []byte("1"), "v": 2}})
		l.WantErr("PutAll with a string and bytes for keys", err, nil, "row 1", "column k", "[]uint8", "string")
		l.Want("rows that it left", l.Text("SELECT COUNT(*) FROM things"), 0)
		// Three different Go types are bound as the same type, a text.
		_, err = table.PutAll(l.Context(), l.DB, []map[string]any{{"k": "1", "v": 1}, {"k": name("1"), "v": 2}, {"k": new(string), "v": 3}})
		if err != nil {
			l.Errorf("PutAll with three types of string: %v", err)
		}
		l.Want("rows", l.Text("SELECT k, v FROM things ORDER BY k"), "|3 1|2")
	})
}

// labRecorder is a connection that calls before with each statement, before sending the statement.
type labRecorder struct {
	*sql.Conn
	before func(query string)
}

func (r labRecorder) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	r.before(query)
	return r.Conn.ExecContext(ctx, query, args...)
}

func TestHazard_S11_WriteTransactionsBeginImmediately(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INTEGER PRIMARY KEY, v INT)", "INSERT INTO things VALUES (1, 0)")
		old := l.Begin(nil)
		l.TextOn(old, "SELECT * FROM things")
		l.Exec("UPDATE things SET v = 1")
		l.Fails(old, "517", "UPDATE things SET v = 2")
		_ = old.Rollback()
		holder := l.Session("BEGIN IMMEDIATE")
		l.Fails(l.Session("PRAGMA busy_timeout = 0"), "5", "INSERT INTO things VALUES (1, 1) ON CONFLICT DO NOTHING")

		// A batch that reads before it writes begins while another transaction writes. The batch must see the commit of this
		// transaction.
		table, began := lab.Table[thing](l, "things", upsert.Retries(0)), make(chan string, 1)
		var once sync.Once
		conn := labRecorder{l.Session().Conn, func(query string) { once.Do(func() { began <- query }) }}
		var r upsert.Result
		done := lab.Later(func() (err error) {
			r, err = table.PutAll(l.Context(), conn, []thing{{1, 5}, {2, 5}}, upsert.Outcomes())
			return err
		})
		select {
		case query := <-began:
			l.Want("how the library begins", query, "BEGIN IMMEDIATE")
		case err := <-done:
			l.Fatalf("PutAll while another writes: %v without a statement for the write lock; want BEGIN IMMEDIATE", err)
		}
		l.On(holder, "INSERT INTO things VALUES (2, 5)")
		l.On(holder, "COMMIT")
		if err := l.Result(done); err != nil || r != (upsert.Result{Updated: 1, Unchanged: 1}) {
			l.Errorf("PutAll that waited for another writer: %+v, err %v; want one row updated and the other transaction's row unchanged", r, err)
		}
	})
}

func TestHazard_S11_BusyIsALockTimeout(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INTEGER PRIMARY KEY, v INT)", "INSERT INTO things VALUES (1, 0)")
		old := l.Begin(nil)
		l.TextOn(old, "SELECT * FROM things")
		l.Exec("UPDATE things SET v = 1")
		retried := 0
		table := lab.Table[thing](l, "things", upsert.Retries(2), upsert.OnRetry(func(error) { retried++ }))
		_, err := table.Put(l.Context(), old, &thing{1, 2})
		l.WantCode("Put in a transaction of the caller's that has read", err, "517")
		l.Want("its class", dialect.Classify(err), dialect.Retryable)
		l.Want("retries in it", retried, 0)
		_ = old.Rollback()

		l.Session("BEGIN IMMEDIATE")
		_, err = table.Put(l.Context(), l.Session("PRAGMA busy_timeout = 0"), &thing{1, 3})
		l.WantCode("Put while another writes for too long", err, "5")
		l.Want("its class", dialect.Classify(err), dialect.LockTimeout)
		l.Want("retries on a connection", retried, 2)
	})
}
