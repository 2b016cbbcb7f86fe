package keys_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

var historySeed = flag.Uint64("history-seed", 0, "the first seed of the random histories in TestPropertyHistory")

// TestPropertyHistory checks random histories of calls that are made one after the other. The answer of each call, the rows
// and the effects must agree with the model in plain Go. Two stores represent two processes.
func TestPropertyHistory(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		db := e.Open(t)
		for n := range engine.Size(4, 2500) {
			seed := *historySeed + uint64(n)
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				d := &dealer{rand: rand.New(rand.NewPCG(seed, 11))}
				p := newPlayer(t, db, fmt.Sprintf("h%d", seed), d.rand)
				m := newImagined()
				for range 20 + d.rand.IntN(40) {
					p.step(m, d.move())
				}
				p.all(m)
			})
		}
	})
}

var (
	errPlayed      = errors.New("one of the known errors")
	errPlayedFails = errors.New("fn fails")
)

// playTx is the handle of a transaction.
type playTx = upsert.DB

// player plays moves on a database.
type player struct {
	*testing.T
	rand          *rand.Rand
	db            *sqlx.DB
	stores        []*keys.Store
	keys, effects string // names of the tables
	told          []string
	moves         []string
}

func newPlayer(t *testing.T, db *sqlx.DB, name string, r *rand.Rand) *player {
	t.Helper()
	p := &player{T: t, rand: r, db: db, keys: "keys_" + name, effects: "effects_" + name}
	for range 2 {
		store, err := keys.Open(t.Context(), db, keys.Table(p.keys), keys.MaxAttempts(imaginedAttempts), keys.KnownErrors(errPlayed))
		if err != nil {
			t.Fatalf("Open: %v", err)
		}
		p.stores = append(p.stores, store)
	}
	if err := p.stores[0].Migrate(t.Context()); err != nil {
		t.Fatalf("Migrate: %v", err)
	}
	p.exec(p.db, "CREATE TABLE "+p.effects+" (id VARCHAR(100) NOT NULL)")
	return p
}

func (p *player) store() *keys.Store { return p.stores[p.rand.IntN(len(p.stores))] }

func (p *player) say(format string, args ...any) {
	p.told = append(p.told, fmt.Sprintf(format, args...))
}

func (p *player) exec(db playTx, query string) {
	p.Helper()
	if _, err := db.ExecContext(p.Context(), query); err != nil {
		p.Fatalf("%s: %v", query, err)
	}
}

func (p *player) effect(tx playTx, id string) {
	p.Helper()
	p.exec(tx, "INSERT INTO "+p.effects+" (id) VALUES ('"+id+"')")
}

// step plays a move. It compares the answers, the rows and the effects with the prediction of the model.
func (p *player) step(m *imagined, mv move) {
	p.Helper()
	p.told, m.told = nil, nil
	mv.play(p)
	mv.imagine(m)
	p.moves = append(p.moves, fmt.Sprintf("%T %q", mv, p.told))
	if !slices.Equal(p.told, m.told) {
		p.differs("told", strings.Join(p.told, "\n"), strings.Join(m.told, "\n"))
	}
	p.totals(m)
	for range 2 {
		p.look(m, keySubject(p.rand.IntN(playKeys)))
		p.look(m, messageSubject(p.rand.IntN(playMessages)))
	}
}

func (p *player) all(m *imagined) {
	p.Helper()
	for n := range playKeys {
		p.look(m, keySubject(n))
	}
	for n := range playMessages {
		p.look(m, messageSubject(n))
	}
}

func (p *player) differs(what, got, want string) {
	p.Helper()
	p.Fatalf("after\n%s\n%s: got\n%s\nwant the model's\n%s", strings.Join(p.moves, "\n"), what, got, want)
}

// totals compares the effects and the number of rows in each state.
func (p *player) totals(m *imagined) {
	p.Helper()
	var ids []string
	var states []int
	err := errors.Join(p.db.SelectContext(p.Context(), &ids, "SELECT id FROM "+p.effects),
		p.db.SelectContext(p.Context(), &states, "SELECT state FROM "+p.keys+" ORDER BY state"))
	if err != nil {
		p.Fatal(err)
	}
	var wantIDs []string
	for id := range m.effects {
		wantIDs = append(wantIDs, id)
	}
	slices.Sort(ids)
	slices.Sort(wantIDs)
	if !slices.Equal(ids, wantIDs) {
		p.differs("effects", fmt.Sprint(ids), fmt.Sprint(wantIDs))
	}
	var want []int
	for _, row := range m.rows {
		want = append(want, int(row.state))
	}
	slices.Sort(want)
	if !slices.Equal(states, want) {
		p.differs("states", fmt.Sprint(states), fmt.Sprint(want))
	}
}

// look compares one row with the result of Inspect.
func (p *player) look(m *imagined, subject string) {
	p.Helper()
	var n int
	var info *keys.Info
	var err error
	if _, scanErr := fmt.Sscanf(subject, "key %d", &n); scanErr == nil {
		info, err = p.store().Inspect(p.Context(), playKey(n))
	} else if _, scanErr := fmt.Sscanf(subject, "message %d", &n); scanErr == nil {
		info, err = p.store().InspectMessage(p.Context(), "consumer", messageID(n))
	}
	got := "nothing"
	switch {
	case err == nil:
		got = show(info)
	case !errors.Is(err, keys.ErrNotFound):
		p.Fatalf("Inspect %s: %v", subject, err)
	}
	row, there := m.rows[subject]
	want := "nothing"
	if there {
		want = row.show()
	}
	if got != want {
		p.differs(subject, got, want)
	}
}

func show(info *keys.Info) string {
	print := 0
	for n := range 3 {
		if info.Fingerprint == playPrint(n) {
			print = n
		}
	}
	var result any
	switch info.State {
	case keys.StateDone:
		if info.Codec != "json" { // the row belongs to a message
			break
		}
		if err := json.Unmarshal(info.Result, &result); err != nil {
			result = err
		}
	default:
		var stored struct{ Text, Known, Error string }
		if err := json.Unmarshal(info.Result, &stored); err != nil {
			result = err
		}
		result = stored.Text + stored.Error
	}
	from := info.FinishedAt
	if info.Key.Op != "" {
		from = info.ClaimedAt // the retention starts at the claim
	}
	if info.Key == playKey(5) {
		from = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC) // the time of the key itself
	}
	remembered := fmt.Sprint(info.ExpiresAt.Sub(from).Round(time.Minute))
	switch year := info.ExpiresAt.Year(); year {
	case 2001, 9999:
		remembered = fmt.Sprint(year)
	}
	return shown(info.State, print, result, info.Attempts, remembered, info.FinishedAt.IsZero())
}

func (r imaginedRow) show() string {
	var result any = r.result
	if r.state == keys.StateDone && r.print < 0 {
		result = nil
	}
	remembered := fmt.Sprint(r.retain)
	switch {
	case !r.finished():
		remembered = "9999"
	case r.aged:
		remembered = "2001"
	}
	return shown(r.state, max(r.print, 0), result, r.attempts, remembered, !r.finished())
}

func shown(state keys.State, print int, result any, attempts int, remembered string, open bool) string {
	return fmt.Sprintf("%v, fingerprint %d, result %v, attempts %d, remembered for %s, open %v", state, print, result, attempts, remembered, open)
}

func playPrint(n int) keys.Fingerprint {
	if n == 0 {
		return keys.Fingerprint{}
	}
	return keys.FingerprintBytes([]byte{byte(n)})
}

func (mv *claimMove) fn(p *player) func(context.Context, *keys.Tx) (string, error) {
	return func(_ context.Context, tx *keys.Tx) (string, error) {
		p.effect(tx, mv.id)
		for _, inside := range mv.inside {
			inside.playInside(p, tx)
		}
		switch mv.end {
		case endsBadly:
			return "", errPlayedFails
		case endsInPanic:
			panic(mv)
		case endsFinally:
			return "", keys.Final(errors.New(mv.id))
		case endsKnown:
			return "", fmt.Errorf("wrapped once more: %w", keys.Final(fmt.Errorf("%s: %w", mv.id, errPlayed)))
		}
		return mv.id, nil
	}
}

func (mv *claimMove) options() (opts []keys.ClaimOption) {
	if mv.retain != 0 {
		opts = append(opts, keys.Retain(mv.retain))
	}
	return opts
}

// told records the end of a claim.
func (mv *claimMove) told(p *player, result string, again bool, err error) {
	var final *keys.FinalError
	switch {
	case errors.As(err, &final):
		p.say("%s final %s known %v", mv.id, final.Text, errors.Is(err, errPlayed))
	case errors.Is(err, keys.ErrMismatch):
		p.say("%s mismatch", mv.id)
	case errors.Is(err, keys.ErrTooOld):
		p.say("%s too old", mv.id)
	case errors.Is(err, keys.ErrTooNew):
		p.say("%s too new", mv.id)
	case errors.Is(err, errPlayedFails):
		p.say("%s failed", mv.id)
	case err != nil && strings.Contains(err.Error(), "its own transaction has claimed"):
		p.say("%s under itself", mv.id)
	case err != nil:
		p.say("%s %v", mv.id, err)
	case again:
		p.say("%s replayed %s", mv.id, result)
	case result == mv.id:
		p.say("%s ran", mv.id)
	default:
		p.say("%s ran with %s", mv.id, result)
	}
}

// caught records a panic of the move's own fn. It repeats any other panic.
func (mv *claimMove) caught(p *player, panicked any) {
	switch panicked {
	case nil:
	case any(mv):
		p.say("%s panicked", mv.id)
	default:
		panic(panicked)
	}
}

func (mv *claimMove) playInside(p *player, tx playTx) {
	defer func() { mv.caught(p, recover()) }()
	result, again, err := keys.Once(p.Context(), p.store(), tx, playKey(mv.key), playPrint(mv.print), mv.fn(p), mv.options()...)
	mv.told(p, result, again, err)
}

func (mv *runMove) play(p *player) {
	defer func() { mv.claim.caught(p, recover()) }()
	c := mv.claim
	opts := append(c.options(), keys.Isolation(playLevel(mv.level)))
	result, again, err := keys.Run(p.Context(), p.store(), playKey(c.key), playPrint(c.print), c.fn(p), opts...)
	c.told(p, result, again, err)
}

func playLevel(n int) sql.IsolationLevel {
	return []sql.IsolationLevel{sql.LevelDefault, sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable}[n]
}
