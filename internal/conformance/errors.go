package conformance

import (
	"database/sql"
	"errors"
	"strings"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/jmoiron/sqlx"
)

func errorBehaviours() []behaviour {
	return []behaviour{
		{name: "another unique key that is met", run: otherKey},
		{name: "another unique key, met by a batch", run: otherKeyInBatch},
		{name: "another unique key, which is kept", run: otherKeyKept},
		{name: "a NULL that the table refuses", run: notNull},
		{name: "a table that is not there", run: noTable},
		{name: "a column that is not there", run: noColumn},
		{name: "a nil row", run: nilRow},
		{name: "a nil handle", run: nilHandle},
		{name: "a table of another dialect", run: otherDialect},
	}
}

func wantOtherKey(p *place, what string, err error) {
	p.Helper()
	wantIs(p, what, err, upsert.ErrOtherKey)
	if c := dialect.Classify(err); c != dialect.UniqueViolation {
		p.Errorf("%s: error %v is classified %v, want UniqueViolation", what, err, c)
	}
}

// otherKey puts a row with a new id and the address of another row. The other row must stay unchanged (hazards H10, P8).
func otherKey(p *place) {
	p.create("users", userColumns)
	before := []user{{1, "a", "first", nil}, {2, "b", "second", nil}}
	tab := table[user](p, "users")
	putAll(p, tab, before, inserted, inserted)
	for _, row := range []user{{3, "b", "new", nil}, {9, "a", "first", nil}} {
		_, err := tab.Put(p.ctx, p.db, &row)
		wantOtherKey(p, "Put", err)
		wantRowError(p, err, "users", "", -1)
		_, err = tab.PutAll(p.ctx, p.db, []user{row}, upsert.Outcomes())
		wantOtherKey(p, "PutAll", err)
		_, err = tab.GetOrCreate(p.ctx, p.db, &row)
		wantOtherKey(p, "GetOrCreate", err)
		wantRows(p, "SELECT * FROM users ORDER BY id", before...)
	}
	byEmail := table[user](p, "users", upsert.Target("email"))
	_, err := byEmail.Put(p.ctx, p.db, &user{1, "new", "third", nil})
	wantOtherKey(p, "Put by the named target", err)
	wantRows(p, "SELECT * FROM users ORDER BY id", before...)

	// Both keys of the row conflict, with two different rows.
	_, err = tab.Put(p.ctx, p.db, &user{1, "b", "changed", nil})
	wantOtherKey(p, "Put of a row that would take another's address", err)
	wantRows(p, "SELECT * FROM users ORDER BY id", before...)
}

// otherKeyKept puts a row whose address is kept if the row exists. The stored address stays, so the database decides whether a
// conflict on the new address is an error. SQLite checks every unique key before the target.
func otherKeyKept(p *place) {
	type kept struct {
		ID    int64  `db:"id" upsert:"key"`
		Email string `db:"email" upsert:"keep"`
		Name  string `db:"name"`
	}
	p.create("users", userColumns)
	tab := table[kept](p, "users")
	putAll(p, tab, []kept{{1, "a", "first"}, {2, "b", "second"}}, inserted, inserted)
	name := "changed"
	o, err := tab.Put(p.ctx, p.db, &kept{1, "b", name})
	if err != nil {
		wantOtherKey(p, "Put", err)
		name = "first"
	} else if o != updated {
		p.Errorf("Put = %v, want updated", o)
	}
	wantRows(p, "SELECT id, email, name FROM users ORDER BY id", kept{1, "a", name}, kept{2, "b", "second"})
}

func otherKeyInBatch(p *place) {
	p.create("users", userColumns)
	tab := table[user](p, "users")
	before := []user{{1, "a", "first", nil}, {2, "b", "second", nil}}
	putAll(p, tab, before, inserted, inserted)
	rows := []user{{1, "a", "changed", nil}, {5, "e", "new", nil}, {6, "b", "thief", nil}, {7, "g", "new", nil}}
	for _, opts := range [][]upsert.PutOption{nil, {upsert.Outcomes()}} {
		_, err := tab.PutAll(p.ctx, p.db, rows, opts...)
		wantOtherKey(p, "PutAll", err)
		wantRowError(p, err, "users", "", 2)
		wantRows(p, "SELECT * FROM users ORDER BY id", before...)
	}
	_, err := tab.PutAll(p.ctx, p.db, []user{{8, "new", "h", nil}, {9, "new", "i", nil}})
	wantOtherKey(p, "PutAll of two rows with one address", err)
	wantRows(p, "SELECT * FROM users ORDER BY id", before...)
}

func notNull(p *place) {
	p.create("t", "id {int} NOT NULL PRIMARY KEY, name {text} NOT NULL")
	type row struct {
		ID   int64   `db:"id" upsert:"key"`
		Name *string `db:"name"`
	}
	tab := table[row](p, "t")
	p.exec("INSERT INTO t (id, name) VALUES (1, 'a')")
	for _, id := range []int64{1, 2} {
		_, err := tab.Put(p.ctx, p.db, &row{id, nil})
		if err == nil {
			p.Errorf("Put of NULL into a column that refuses it: no error")
		}
		if c := dialect.Classify(err); c != dialect.Permanent {
			p.Errorf("error %v is classified %v, want Permanent", err, c)
		}
		var at *upsert.RowError
		if !errors.As(err, &at) || at.Table != "t" || p.postgres() && at.Column != "name" {
			p.Errorf("error %v, want a *RowError of the table, with the column if the driver reports it", err)
		}
	}
	_, err := tab.PutAll(p.ctx, p.db, []row{{1, ptr("b")}, {2, nil}})
	if err == nil {
		p.Error("PutAll of NULL into a column that refuses it: no error")
	}
	wantRows(p, "SELECT * FROM t", row{1, ptr("a")})
}

func noTable(p *place) {
	tab := table[account](p, "nowhere")
	_, put := tab.Put(p.ctx, p.db, &account{1, "a"})
	_, all := tab.PutAll(p.ctx, p.db, []account{{1, "a"}, {2, "b"}}, upsert.Outcomes())
	_, seq := tab.PutSeq(p.ctx, p.db, sequence(account{1, "a"}))
	_, create := tab.GetOrCreate(p.ctx, p.db, &account{1, "a"})
	for verb, err := range map[string]error{"Put": put, "PutAll": all, "PutSeq": seq, "GetOrCreate": create} {
		if err == nil || !strings.HasPrefix(err.Error(), "upsert: table nowhere: ") {
			p.Errorf("%s: error %v, want an error that begins with the table", verb, err)
		}
	}
}

func noColumn(p *place) {
	p.create("t", "id {int} NOT NULL PRIMARY KEY")
	tab := table[account](p, "t")
	_, err := tab.Put(p.ctx, p.db, &account{1, "a"})
	if err == nil || !strings.Contains(err.Error(), "name") {
		p.Errorf("Put into a table without the column: error %v, want an error that names the column", err)
	}
	if err == nil || strings.Contains(err.Error(), "_t") {
		p.Errorf("Put into a table without the column: error %v, want an error without the alias of the statement", err)
	}
	p.wantCount("t", 0)
}

func nilHandle(p *place) {
	tab := table[account](p, "t")
	for what, db := range map[string]upsert.DB{"nil": nil, "a nil *sql.DB": (*sql.DB)(nil), "a nil *sqlx.Tx": (*sqlx.Tx)(nil)} {
		_, put := tab.Put(p.ctx, db, &account{1, "a"})
		_, all := tab.PutAll(p.ctx, db, []account{{1, "a"}})
		_, seq := tab.PutSeq(p.ctx, db, sequence(account{1, "a"}))
		_, create := tab.GetOrCreate(p.ctx, db, &account{1, "a"})
		_, prepare := tab.Prepare(p.ctx, db)
		for verb, err := range map[string]error{"Put": put, "PutAll": all, "PutSeq": seq, "GetOrCreate": create, "Prepare": prepare} {
			wantWords(p, verb+" on "+what, err, "upsert: table t: the handle is nil")
		}
	}
}

// otherDialect checks that the error names the dialect for which the table was created.
func otherDialect(p *place) {
	p.create("t", "id {int} NOT NULL PRIMARY KEY, name {text}")
	for _, d := range []dialect.Dialect{dialect.SQLite, dialect.Postgres, dialect.MySQL, dialect.MariaDB} {
		if d.Name() == p.d.Name() || p.mysql() && d.Name() == "mysql" { // MariaDB accepts the statements for MySQL before 8.0.19
			continue
		}
		tab, err := upsert.New[account](d, "t")
		if err != nil {
			p.Fatal(err)
		}
		_, family := dbconn.FamilyOf(p.db)
		isRefused := family != "" && family != dialect.Family(d) // before a statement is sent
		_, put := tab.Put(p.ctx, p.db, &account{1, "a"})
		_, all := tab.PutAll(p.ctx, p.db, []account{{1, "a"}, {2, "b"}})
		_, create := tab.GetOrCreate(p.ctx, p.db, &account{1, "a"})
		for verb, err := range map[string]error{"Put": put, "PutAll": all, "GetOrCreate": create} {
			if err == nil && !isRefused { // both databases understand the statement
				continue
			}
			if isRefused && (err == nil || !strings.Contains(err.Error(), "speaks to another database")) {
				p.Errorf("%s of a table of dialect %s: error %v, want a refusal that names the handle's driver", verb, d.Name(), err)
				continue
			}
			if !strings.Contains(err.Error(), "table t: ") || !strings.Contains(err.Error(), "dialect "+d.Name()) || !strings.Contains(err.Error(), "dialect.Detect") {
				p.Errorf("%s of a table of dialect %s: error %v, want an error that names the table and the dialect", verb, d.Name(), err)
			}
		}
	}
}

func nilRow(p *place) {
	tab := table[account](p, "t")
	sent := &recorder{DB: p.begin(nil)}
	_, err := tab.Put(p.ctx, sent, nil)
	wantRowError(p, err, "t", "", -1)
	_, err = tab.GetOrCreate(p.ctx, sent, nil)
	wantRowError(p, err, "t", "", -1)
	sent.wantNothing(p)
}
