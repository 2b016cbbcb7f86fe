package keysuite

import (
	"strings"

	"github.com/goupsert/upsert/keys"
)

func placeBehaviours() []behaviour {
	return []behaviour{
		{"with a name of one's own", ownTable},
		{"in another schema", otherSchema},
	}
}

func ownTable(p *place) {
	for i, name := range []string{"claims", `"odd ""name.Mixed"`, "sel'ect"} {
		p.prefix = string(rune('a'+i)) + "/"
		exercised(p, name)
	}
	if n := p.rows(); n != 0 {
		p.Errorf("%d rows in the table of the default name", n)
	}
}

// otherSchema uses a table in another schema. On PostgreSQL this is a schema, on MySQL another database, on SQLite an attached
// file.
func otherSchema(p *place) {
	if p.sqlite() {
		p.db.SetMaxOpenConns(1) // an attached database belongs to one connection
		p.exec("ATTACH DATABASE '" + p.TempDir() + "/other.db' AS other")
		exercised(p, "other.claims")
		return
	}
	other := get[string](p, p.pick("", "SELECT current_schema()", "SELECT DATABASE()")) + "_other"
	p.exec(p.pick("", "CREATE SCHEMA "+other, "CREATE DATABASE "+other))
	defer p.exec(p.pick("", "DROP SCHEMA "+other+" CASCADE", "DROP DATABASE "+other))
	exercised(p, other+".claims")
	if n := p.rows(); n != 0 {
		p.Errorf("%d rows in the table of this schema", n)
	}
}

// exercised calls every method once.
func exercised(p *place, table string) {
	p.Helper()
	s := p.open(keys.Table(table), keys.MaxAttempts(1))
	if err := s.Migrate(p.ctx); err != nil {
		p.Fatalf("%s: Migrate: %v", table, err)
	}
	s = p.open(keys.Table(table), keys.MaxAttempts(1))
	p.wantPaid(s, "a", keys.MaxWait(timeout))
	p.wantReplayed(s, "a")
	p.wantReplayed(p.open(keys.Table(table)), "a", keys.NoWait())
	k := p.aged(uuidv7, 0)
	if _, _, err := keys.Run(p.ctx, s, keys.Key{Scope: "me", Op: "age" + p.prefix, ID: k.ID}, none(), pays(p, "b", "")); err != nil {
		p.Errorf("%s: a key with a time: %v", table, err)
	}
	for i := range 2 {
		tx := p.begin(nil)
		fresh, err := keys.Filter(p.ctx, s, tx, "c", []string{"m"}, strings.Clone)
		if err != nil || len(fresh) != 1-i {
			p.Errorf("%s: Filter = %q, %v", table, fresh, err)
		}
		p.commit(tx)
	}
	_, err := s.Fail(p.ctx, "c", "bad", asIs{1})
	wantAs[*keys.DeadError](p, table, err)
	if dead, err := s.Dead(p.ctx, "c", 5); err != nil || len(dead) != 1 {
		p.Errorf("%s: Dead = %+v, %v", table, dead, err)
	}
	if n, err := s.Revive(p.ctx, "c", "bad"); err != nil || n != 1 {
		p.Errorf("%s: Revive = %d, %v", table, n, err)
	}
	if info, err := s.Inspect(p.ctx, p.key("a")); err != nil || info.State != keys.StateDone {
		p.Errorf("%s: Inspect = %+v, %v", table, info, err)
	}
	if n, err := s.GC(p.ctx); err != nil || n != 0 {
		p.Errorf("%s: GC = %d, %v", table, n, err)
	}
	if page, _, err := s.List(p.ctx, keys.StateWaiting, keys.Cursor{}, 5); err != nil || len(page) != 1 {
		p.Errorf("%s: List = %+v, %v", table, page, err)
	}
	if err := s.Forget(p.ctx, p.key("a")); err != nil {
		p.Errorf("%s: Forget: %v", table, err)
	}
	if n, err := s.ForgetScope(p.ctx, "me"); err != nil || n != 1 {
		p.Errorf("%s: ForgetScope = %d, %v", table, n, err)
	}
}
