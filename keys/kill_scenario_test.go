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

// killPatience is the time after which a call counts as stuck. It is shorter than the lock timeout of MySQL and MariaDB.
const killPatience = 30 * time.Second

// scenario is the situation that a call meets.
type scenario string

const (
	fresh  scenario = "fresh"  // a new key
	replay scenario = "replay" // a finished key
	final  scenario = "final"  // a new key whose fn returns a final error
)

// scenarios returns the scenarios for this isolation level. A new key is tested at each level, and the other scenarios only
// at the first level. A long run tests all scenarios at each level. A server that nobody asked for has a new key alone.
func (g *ground) scenarios() []scenario {
	if engine.IsLong() || g.first && !g.brief {
		return []scenario{fresh, replay, final}
	}
	return []scenario{fresh}
}

// moments returns the moments to kill at. A kill after one statement is similar to a kill before the next statement, so only
// a new key is tested at both moments.
func (s scenario) moments() []faults.Moment {
	if s == fresh {
		return []faults.Moment{faults.Before, faults.After}
	}
	return []faults.Moment{faults.After}
}

// fates returns the fates of a request. Only a driver can distinguish a closed connection from a reset connection. The
// difference is tested at the commit.
func fates(k faults.Kind) []faults.Fate {
	if k == faults.Commit {
		return []faults.Fate{faults.Swallow, faults.SwallowReset, faults.Lose, faults.LoseReset}
	}
	return []faults.Fate{faults.SwallowReset, faults.Lose}
}

var errRefused = errors.New("declined")

// call is the result of a call, and the number of calls of fn.
type call struct {
	Token    string
	Replayed bool
	Calls    int
	Err      error
	own      error // the error of fn, if its statement failed
}

func (c call) declined() bool {
	var f *keys.FinalError
	return errors.As(c.Err, &f)
}

// doubtful reports whether the error says that the effect may have been stored.
func (c call) doubtful() bool {
	var u *keys.UnknownError
	return errors.As(c.Err, &u) || dialect.Classify(c.Err) == dialect.Ambiguous
}

// run makes the call once.
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

// prepare stores the key that the scenario requires.
func (g *ground) prepare(s scenario, id string) {
	g.Helper()
	if s != replay {
		return
	}
	if c := g.run(s, g.store, id); c.Err != nil {
		g.Fatalf("the call before the replay: %v", c.Err)
	}
}

// wantAbsorbed wants the result of a call that lost one connection to equal the result of a call without faults. If once is
// true, the call lost only the answer to its commit or no connection at all, and must not have called fn again.
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
		g.Errorf("%s: token %q, replayed %v, fn called %d times, %v; want the result of a call without faults", what, c.Token, c.Replayed, c.Calls, c.Err)
	}
}

// wantOnce wants the answer of the first caller to be true. It then repeats the call on other stores and wants the one
// stored effect as the answer. first is nil if the first caller was killed and got no answer.
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
		g.Errorf("%s: told %q, and the effects are %q; want this effect", what, first.Token, there)
	case first.Err != nil && !first.doubtful() && len(there) != 0 && s != replay:
		g.Errorf("%s: told %v, and the effects are %q; want no effect", what, first.Err, there)
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

// wantAnswer wants the answer to a call after the fault to be the stored effect. If settled is true, the answer must come
// from the store.
func (g *ground) wantAnswer(what string, s scenario, id string, c call, settled bool) {
	g.Helper()
	if settled && (c.Calls != 0 || s != final && !c.Replayed) {
		g.Errorf("%s: repeated, fn was called %d times, replayed %v; want the stored answer", what, c.Calls, c.Replayed)
	}
	there := g.tokens(id)
	switch {
	case s == final && (!c.declined() || len(there) != 0):
		g.Errorf("%s: repeated: %v, effects %q; want the remembered error and no effect", what, c.Err, there)
	case s != final && (c.Err != nil || len(there) != 1 || there[0] != c.Token):
		g.Errorf("%s: repeated: %q, %v, and the effects are %q; want this effect once", what, c.Token, c.Err, there)
	}
}
