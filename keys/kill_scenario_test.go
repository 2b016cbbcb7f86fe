package keys_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/keys"
)

// killPatience is how long a call may take before it counts as stuck: less than MySQL and MariaDB wait for a lock.
const killPatience = 30 * time.Second

// scenario is what the call is to meet.
type scenario string

const (
	fresh  scenario = "fresh"  // a new key
	replay scenario = "replay" // one that is done
	final  scenario = "final"  // a new one, and an error that is remembered
)

// scenarios are a new key's at each isolation level, and all of them at the first; in a long run all at each.
func (g *ground) scenarios() []scenario {
	if g.first || engine.IsLong() {
		return []scenario{fresh, replay, final}
	}
	return []scenario{fresh}
}

// moments are those to kill at: after a statement is as good as before the next, so for a new key only it is done at both.
func (s scenario) moments() []faults.Moment {
	if s == fresh {
		return []faults.Moment{faults.Before, faults.After}
	}
	return []faults.Moment{faults.After}
}

// fates are those of a request. Whether a connection ends or is reset is all one but to a driver, and counts at the commit.
func fates(k faults.Kind) []faults.Fate {
	if k == faults.Commit {
		return []faults.Fate{faults.Swallow, faults.SwallowReset, faults.Lose, faults.LoseReset}
	}
	return []faults.Fate{faults.SwallowReset, faults.Lose}
}

var errRefused = errors.New("declined")

// call is what a caller got, and how often its fn was called.
type call struct {
	Token    string
	Replayed bool
	Calls    int
	Err      error
	own      error // what fn returned, if that was an error of its statement
}

func (c call) declined() bool {
	var f *keys.FinalError
	return errors.As(c.Err, &f)
}

// doubtful reports whether the error says that the effect may be there.
func (c call) doubtful() bool {
	var u *keys.UnknownError
	return errors.As(c.Err, &u) || dialect.Classify(c.Err) == dialect.Ambiguous
}

// run makes the call, once.
func (s scenario) run(ctx context.Context, store *keys.Store, id string, level sql.IsolationLevel) (c call) {
	ctx, cancel := context.WithTimeout(ctx, killPatience)
	defer cancel()
	pay := func(ctx context.Context, tx *keys.Tx) (string, error) {
		c.Calls++
		token := rand.Text()
		if _, err := tx.ExecContext(ctx, tx.Rebind("INSERT INTO effects (id, token) VALUES (?, ?)"), id, token); err != nil {
			c.own = err
			return "", err
		}
		if s == final {
			return "", keys.Final(errRefused)
		}
		return token, nil
	}
	key := keys.Key{Scope: "kill", Op: "pay", ID: id}
	c.Token, c.Replayed, c.Err = keys.Run(ctx, store, key, keys.Fingerprint{}, pay, keys.Isolation(level))
	return c
}

func (g *ground) run(s scenario, store *keys.Store, id string) call {
	return s.run(g.Context(), store, id, g.level)
}

// prepare makes what the scenario wants to be there.
func (g *ground) prepare(s scenario, id string) {
	g.Helper()
	if s != replay {
		return
	}
	if c := g.run(s, g.store, id); c.Err != nil {
		g.Fatalf("the call before the replay: %v", c.Err)
	}
}

// wantAbsorbed wants a call that lost one connection to have ended as if it had not. Where it lost the commit's answer, or
// nothing, it must not have called fn again.
func (g *ground) wantAbsorbed(what string, s scenario, c call, once bool) {
	g.Helper()
	most := 2
	if once {
		most = 1
	}
	ok := c.Err == nil && c.Token != ""
	switch s {
	case fresh:
		ok = ok && !c.Replayed && c.Calls >= 1 && c.Calls <= most
	case replay:
		ok = ok && c.Replayed && c.Calls == 0
	case final:
		ok = c.declined() && c.Calls >= 1 && c.Calls <= most
	}
	if !ok {
		g.Errorf("%s: token %q, replayed %v, fn called %d times, %v; want what a call that lost nothing gets", what, c.Token, c.Replayed, c.Calls, c.Err)
	}
}

// wantOnce wants what the first caller was told to be true, and then the same call on other stores to be answered with the
// one effect that is there. The first caller may be nil: killed, it was told nothing.
func (g *ground) wantOnce(what string, s scenario, id string, first *call, stores ...*keys.Store) {
	g.Helper()
	there := g.tokens(id)
	most := 1
	if s == final {
		most = 0
	}
	switch {
	case len(there) > most:
		g.Errorf("%s: %d effects %q; want at most %d", what, len(there), there, most)
	case first == nil, s == final:
	case first.Err == nil && (len(there) != 1 || there[0] != first.Token):
		g.Errorf("%s: told %q, and the effects are %q; want it there", what, first.Token, there)
	case first.Err != nil && !first.doubtful() && len(there) != 0 && s != replay:
		g.Errorf("%s: told %v, and the effects are %q; want none", what, first.Err, there)
	}
	settled := len(there) == 1 || s == final && first != nil && first.declined()
	for _, store := range stores {
		c := g.run(s, store, id)
		g.wantAnswer(what, s, id, c, settled)
		settled = true
	}
	var n int
	if err := g.db.GetContext(g.Context(), &n, "SELECT COUNT(*) FROM idempotency_keys WHERE id = '"+id+"'"); err != nil || n != 1 {
		g.Errorf("%s: %d rows of the key, %v; want 1", what, n, err)
	}
}

// wantAnswer wants a call after the fault to be answered with the effect that is there, from the store if it is settled.
func (g *ground) wantAnswer(what string, s scenario, id string, c call, settled bool) {
	g.Helper()
	if settled && (c.Calls != 0 || s != final && !c.Replayed) {
		g.Errorf("%s: repeated, fn was called %d times, replayed %v; want the stored answer", what, c.Calls, c.Replayed)
	}
	there := g.tokens(id)
	switch {
	case s == final && (!c.declined() || len(there) != 0):
		g.Errorf("%s: repeated: %v, effects %q; want the remembered error and none", what, c.Err, there)
	case s != final && (c.Err != nil || len(there) != 1 || there[0] != c.Token):
		g.Errorf("%s: repeated: %q, %v, and the effects are %q; want it there once", what, c.Token, c.Err, there)
	}
}
