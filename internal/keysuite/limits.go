package keysuite

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

func limitBehaviours() []behaviour {
	return []behaviour{
		{"of Run's waiting end in InProgressError", limitedRun},
		{"of Once's waiting leave its transaction usable", limitedOnce},
		{"leave the session's settings as they were", settingsKept},
		{"that are not reached make no difference", notReached},
		{"that are negative are refused", negativeLimit},
	}
}

// limit is a limit on waiting, with the least and greatest duration of a call that has the limit. The greatest duration includes
// the database's smallest unit, which is a second on MySQL.
type limit struct {
	name        string
	option      keys.ClaimOption
	least, most time.Duration
}

func (p *place) limits() []limit {
	const d, slack = 150 * time.Millisecond, 5 * time.Second // slack allows for a busy machine
	all := []limit{
		{"NoWait", keys.NoWait(), 0, slack},
		{"MaxWait", keys.MaxWait(d), d * 9 / 10, d + slack},
	}
	if p.server.Dialect != "mysql" { // each such call would wait another second or two on MySQL
		all = append(all, limit{"MaxWait(0)", keys.MaxWait(0), 0, slack})
	}
	return all
}

func wantInProgress(p *place, l limit, call func() (string, bool, error)) {
	p.Helper()
	began := time.Now()
	r, replayed, err := call()
	took := time.Since(began)
	busy := as[*keys.InProgressError](p, l.name, err)
	if r != "" || replayed || busy == nil || busy.Key != p.key("a") || busy.RetryAfter <= 0 {
		p.Errorf("%s: %q, replayed %v, %+v; want an error that says that %s is in progress", l.name, r, replayed, busy, p.key("a"))
	}
	if c := dialect.Classify(err); c != dialect.Permanent {
		p.Errorf("%s: %v is %v, want Permanent", l.name, err, c)
	}
	if took < l.least || took > l.most {
		p.Errorf("%s took %v, want %v to %v", l.name, took, l.least, l.most)
	}
}

func limitedRun(p *place) {
	tx := p.holds("a")
	var all sync.WaitGroup
	for _, l := range p.limits() {
		for _, s := range []*keys.Store{p.store, p.open()} {
			all.Go(func() {
				wantInProgress(p, l, func() (string, bool, error) {
					return keys.Run(p.ctx, s, p.key("a"), none(), p.never, l.option)
				})
			})
		}
	}
	all.Wait()
	p.commit(tx)
	for _, l := range p.limits() {
		p.wantReplayed(p.open(), "a", l.option)
	}
}

// awaited returns the limits that the test waits for one after the other. On MySQL both limits are the same second.
func (p *place) awaited() []limit {
	if p.server.Dialect == "mysql" {
		return p.limits()[:1]
	}
	return p.limits()
}

func limitedOnce(p *place) {
	for i, l := range p.awaited() {
		p.prefix = l.name + "/"
		holder := p.holds("a")
		tx := p.begin(nil)
		other := fmt.Sprint("other", i)
		if !p.sqlite() { // on SQLite the holder is the only writer
			if err := p.effect(p.ctx, tx, "before"); err != nil {
				p.Fatal(err)
			}
		}
		wantInProgress(p, l, func() (string, bool, error) {
			return keys.Once(p.ctx, p.store, tx, p.key("a"), none(), p.never, l.option)
		})
		p.commit(holder)
		if err := p.effect(p.ctx, tx, "after"); err != nil {
			p.Errorf("a statement after %s: %v", l.name, err)
		}
		if _, _, err := keys.Once(p.ctx, p.store, tx, p.key(other), none(), pays(p, other, "")); err != nil {
			p.Errorf("Once of another key after %s: %v", l.name, err)
		}
		p.commit(tx)
		p.wantEffects("after", 1)
		p.wantEffects(other, 1)
		p.wantReplayed(p.store, "a")
	}
}

// settings returns the settings that a limit could change.
func (p *place) settings(tx *sqlx.Tx) (text string) {
	p.Helper()
	query := p.pick("PRAGMA busy_timeout", "SELECT current_setting('lock_timeout') || ' ' || current_setting('statement_timeout')", "SELECT CONCAT(@@innodb_lock_wait_timeout, ' ', @@lock_wait_timeout)")
	if p.server.Dialect == "mariadb" {
		query = "SELECT CONCAT(@@innodb_lock_wait_timeout, ' ', @@lock_wait_timeout, ' ', @@max_statement_time)"
	}
	if err := tx.GetContext(p.ctx, &text, query); err != nil {
		p.Fatal(err)
	}
	return text
}

func settingsKept(p *place) {
	p.wantPaid(p.store, "stored")
	for i, l := range p.awaited() {
		p.on(l.name, func(p *place) {
			keptInTx(p, l, fmt.Sprint("new", i))
			p.prefix = fmt.Sprint(i, "/")
			holder, tx := p.holds("a"), p.begin(nil)
			check := p.wantSettings(tx)
			wantInProgress(p, l, func() (string, bool, error) {
				return keys.Once(p.ctx, p.store, tx, p.key("a"), none(), p.never, l.option)
			})
			check("after having waited")
			_ = tx.Rollback()
			p.commit(holder)
		})
	}
}

// wantSettings returns a function that expects the settings to be the same as now.
func (p *place) wantSettings(tx *sqlx.Tx) func(when string) {
	p.Helper()
	before := p.settings(tx)
	return func(when string) {
		p.Helper()
		if got := p.settings(tx); got != before {
			p.Errorf("%s: the settings were %s and are %s", when, before, got)
		}
	}
}

// keptInTx sets unusual values in the transaction and checks that a limit keeps these values.
func keptInTx(p *place, l limit, id string) {
	tx := p.begin(nil)
	if _, err := tx.ExecContext(p.ctx, p.pick("PRAGMA busy_timeout = 4321", "SET LOCAL lock_timeout = '4321ms'", "SET SESSION innodb_lock_wait_timeout = 43")); err != nil {
		p.Fatal(err)
	}
	check := p.wantSettings(tx)
	once := func(id string, f fn) error {
		_, _, err := keys.Once(p.ctx, p.store, tx, p.key(id), none(), f, l.option)
		return err
	}
	if err := once(id, func(ctx context.Context, tx *keys.Tx) (string, error) {
		check("in fn")
		return "", p.effect(ctx, tx, id)
	}); err != nil {
		p.Error(err)
	}
	check("after a claim")
	if err := once("stored", p.never); err != nil {
		p.Error(err)
	}
	check("after a replay")
	wantAs[*keys.FinalError](p, "Once", once(id+"f", p.fails(id+"f", keys.Final(asIs{1}))))
	check("after a final error")
	wantIs(p, "Once", once(id+"e", p.fails(id+"e", asIs{1})), asIs{1})
	check("after fn's error")
	p.commit(tx)
}

func notReached(p *place) {
	// On MariaDB a limit also limits the duration of the statement itself, so the limit must be long enough for a busy machine.
	for _, l := range []limit{{name: "NoWait", option: keys.NoWait()}, {name: "MaxWait", option: keys.MaxWait(time.Minute)}} {
		p.wantPaid(p.store, l.name, l.option)
		p.wantReplayed(p.store, l.name, l.option)
		p.wantReplayed(p.open(), l.name, l.option)
	}
	// The winner ends before the limit.
	w, tx := p.watch(), p.holds("a")
	done := make(chan error, 1)
	go func() {
		r, replayed, err := keys.Run(p.ctx, p.store, p.key("a"), none(), p.never, keys.MaxWait(timeout))
		if err == nil && (r != "paid a" || !replayed) {
			err = fmt.Errorf("%q, replayed %v; want the winner's result", r, replayed)
		}
		done <- err
	}()
	w.until(1)
	p.commit(tx)
	if err := <-done; err != nil {
		p.Error(err)
	}
}

func negativeLimit(p *place) {
	p.each(func(p *place) {
		_, _, err := p.call(p.store, p.key("a"), none(), p.never, keys.MaxWait(-1))
		wantText(p, p.verb, err, "is negative")
	})
}
