package conformance

import (
	"errors"
	"strings"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
)

// user can be identified by number or by address.
type user struct {
	ID    int64   `db:"id" upsert:"key"`
	Email string  `db:"email" upsert:"key=email"`
	Name  string  `db:"name"`
	Note  *string `db:"note" upsert:"coalesce"`
}

const userColumns = "id {int} NOT NULL PRIMARY KEY, email {exact} NOT NULL UNIQUE, name {text}, note {text} DEFAULT 'none'"

func targetBehaviours() []behaviour {
	return []behaviour{
		{name: "named: no key is assigned", run: namedTarget},
		{name: "Columns: the others keep what they have", run: columnSubset},
		{name: "IndexWhere: a partial index", run: partialIndex},
		{name: "OnConstraint", run: onConstraint},
		{name: "without a unique index", run: noIndex},
	}
}

func namedTarget(p *place) {
	p.create("users", userColumns)
	byEmail := table[user](p, "users", upsert.Target("email"))
	put(p, byEmail, &user{1, "a", "first", nil}, inserted)
	put(p, byEmail, &user{99, "a", "second", nil}, updated)
	put(p, byEmail, &user{98, "a", "second", nil}, unchanged)
	putAll(p, byEmail, []user{{3, "c", "c", nil}, {97, "a", "third", ptr("x")}, {2, "b", "b", nil}, {96, "c", "c", nil}}, inserted, updated, inserted, unchanged)
	want := []user{{1, "a", "third", ptr("x")}, {2, "b", "b", nil}, {3, "c", "c", nil}}
	wantRows(p, "SELECT * FROM users ORDER BY id", want...)

	// If the number is the target, the address is an ordinary column.
	byID := table[user](p, "users")
	put(p, byID, &user{1, "other", "fourth", nil}, updated)
	wantRows(p, "SELECT * FROM users WHERE id = 1", user{1, "other", "fourth", ptr("x")})

	got := user{ID: 50, Email: "b"}
	if created, err := byEmail.GetOrCreate(p.ctx, p.db, &got); err != nil || created {
		p.Fatalf("GetOrCreate = %v, %v; want false", created, err)
	}
	wantSame(p, "the row found", got, user{2, "b", "b", nil})
}

func columnSubset(p *place) {
	p.create("users", "id {int} NOT NULL PRIMARY KEY, email {exact} NOT NULL DEFAULT 'nobody', name {text}, note {text} DEFAULT 'none'")
	all, some := table[user](p, "users"), table[user](p, "users", upsert.Columns("name", "id"))
	put(p, all, &user{1, "a", "first", ptr("x")}, inserted)
	put(p, some, &user{1, "ignored", "second", ptr("ignored")}, updated)
	put(p, some, &user{1, "ignored", "second", nil}, unchanged)
	putAll(p, some, []user{{2, "ignored", "new", ptr("ignored")}, {1, "", "third", nil}}, inserted, updated)
	wantRows(p, "SELECT * FROM users ORDER BY id", user{1, "a", "third", ptr("x")}, user{2, "nobody", "new", ptr("none")})
}

func partialIndex(p *place) {
	opts := []upsert.Option{upsert.Target("email"), upsert.IndexWhere("note IS NULL")}
	if p.mysql() {
		wantUnsupported[user](p, opts...)
		return
	}
	p.create("users", "id {int} NOT NULL, email {exact} NOT NULL, name {text}, note {text}")
	p.exec("CREATE UNIQUE INDEX users_current ON users (email) WHERE note IS NULL")
	p.exec("INSERT INTO users (id, email, name, note) VALUES (1, 'a', 'old', 'left')")
	type current struct {
		ID    int64  `db:"id" upsert:"keep"`
		Email string `db:"email" upsert:"key=email"`
		Name  string `db:"name"`
	}
	tab := table[current](p, "users", opts...)
	// The loop has more executions than PostgreSQL needs to change to a generic plan (hazard P1).
	put(p, tab, &current{2, "a", "0"}, inserted)
	for i := range 8 {
		put(p, tab, &current{3, "a", strings.Repeat("x", i+1)}, updated)
	}
	put(p, tab, &current{3, "a", "xxxxxxxx"}, unchanged)
	wantRows(p, "SELECT id, email, name FROM users ORDER BY id", current{1, "a", "old"}, current{2, "a", "xxxxxxxx"})
}

func onConstraint(p *place) {
	opt := upsert.OnConstraint("users_email_unique")
	if !p.postgres() {
		wantUnsupported[user](p, upsert.Target("email"), opt)
		return
	}
	p.create("users", "id {int} NOT NULL PRIMARY KEY, email {exact} NOT NULL, name {text}, note {text}, CONSTRAINT users_email_unique UNIQUE (email)")
	tab := table[user](p, "users", upsert.Target("email"), opt)
	put(p, tab, &user{1, "a", "first", nil}, inserted)
	put(p, tab, &user{2, "a", "second", nil}, updated)
	putAll(p, tab, []user{{3, "b", "b", nil}, {4, "a", "second", nil}}, inserted, unchanged)
	p.exec("CREATE UNIQUE INDEX only_index ON users (name)")
	tab = table[user](p, "users", upsert.Target("email"), upsert.OnConstraint("only_index"))
	_, err := tab.Put(p.ctx, p.db, &user{1, "a", "first", nil})
	if err == nil || !strings.Contains(err.Error(), "not of an index") {
		p.Errorf("OnConstraint with an index's name: error %v, want an error that says which names OnConstraint accepts", err)
	}
}

// wantUnsupported expects New to refuse the options because the dialect lacks the feature.
func wantUnsupported[T any](p *place, opts ...upsert.Option) {
	p.Helper()
	_, err := upsert.New[T](p.d, "t", opts...)
	var lacks *dialect.UnsupportedError
	if !errors.As(err, &lacks) {
		p.Fatalf("New: error %v, want a *dialect.UnsupportedError", err)
	}
	if lacks.Dialect != p.d.Name() || lacks.Feature == "" {
		p.Errorf("the error names feature %q of dialect %q, want a feature of %s", lacks.Feature, lacks.Dialect, p.d.Name())
	}
}

// noIndex checks a table without the unique index. On MySQL and MariaDB each put would insert the row again without an error
// (hazard H24).
func noIndex(p *place) {
	p.create("users", "id {int}, email {exact}, name {text}, note {text}")
	_, err := table[user](p, "users").Put(p.ctx, p.db, &user{1, "a", "first", nil})
	if p.mysql() {
		var wrong *upsert.SchemaError
		if !errors.As(err, &wrong) || wrong.Table != "users" || len(wrong.Problems) != 1 || wrong.Problems[0].Check != upsert.CheckNoUniqueIndex {
			p.Errorf("Put without a unique index: error %v, want a *SchemaError about the index", err)
		}
		p.wantCount("users", 0)
		return
	}
	if err == nil || !strings.Contains(err.Error(), "unique index") {
		p.Errorf("Put without a unique index: error %v, want an error that says to create an index", err)
	}
	wantRowError(p, err, "users", "", -1)
}
