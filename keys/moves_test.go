package keys_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/goupsert/upsert/keys"
)

// move is one call of a random history. It can be played on a database and imagined by the model.
type move interface {
	play(p *player)
	imagine(m *imagined)
}

// inside is a move that can be made in a transaction.
type inside interface {
	playInside(p *player, tx playTx)
	imagine(m *imagined)
}

// end is the way in which an fn ends.
type end int

const (
	endsWell end = iota
	endsBadly
	endsInPanic
	endsFinally // with a final error
	endsKnown   // with one of the store's KnownErrors
)

// The keys and messages of a history are few, so that the calls meet each other.
const (
	playKeys     = 7 // number of keys
	playMessages = 9
	playHealthy  = 6 // number of messages that rarely fail
)

const (
	imaginedRetention = 72 * time.Hour
	ages              = 200 * 365 * 24 * time.Hour
)

// playKey returns a key. Some keys carry their own time, which is long ago or far ahead. The scope distinguishes the keys.
func playKey(n int) keys.Key {
	id := []string{"plain", "nul\x00 and é", "' OR 1", "01BX5ZZKBKACTAV9WEVGEMMVRZ", "016f5e66-e800-7cc0-98c4-dc0c0c07398f",
		"03bb2cc3-d800-7cc0-98c4-dc0c0c07398f", "plain"}[n]
	return keys.Key{Scope: fmt.Sprintf("scope %d", n), Op: "play", ID: id}
}

// playKeyIsOld reports whether the time of the key is in 2017 or 2020.
func playKeyIsOld(n int) bool { return n == 3 || n == 4 }

// playKeyIsAhead reports whether the time of the key is in 2100.
func playKeyIsAhead(n int) bool { return n == 5 }

func keySubject(n int) string     { return fmt.Sprintf("key %d", n) }
func messageSubject(n int) string { return fmt.Sprintf("message %d", n) }
func messageID(n int) string      { return fmt.Sprintf("m%d\x00é", n) }

// claimMove is one claim of a key. Its fn can make other moves besides its effect.
type claimMove struct {
	id     string // name of the effect, and the result
	key    int
	print  int
	retain time.Duration // 0 for the retention of the store
	end    end
	inside []inside
}

func (mv *claimMove) subject() string { return keySubject(mv.key) }

func (mv *claimMove) retention() time.Duration {
	if mv.retain != 0 {
		return mv.retain
	}
	return imaginedRetention
}

func (mv *claimMove) tooOld() bool { return playKeyIsOld(mv.key) && mv.retention() < ages }
func (mv *claimMove) tooNew() bool { return playKeyIsAhead(mv.key) && mv.retention() < ages }

func (mv *claimMove) finalText() string {
	if mv.end == endsKnown {
		return "wrapped once more: " + mv.id + ": " + errPlayed.Error()
	}
	return mv.id
}

type runMove struct {
	claim *claimMove
	level int
}

// txMove is a transaction of the caller.
type txMove struct {
	level  int
	plain  bool // the handle is a *sql.Tx
	inside []inside
	commit bool
}

type filterMove struct {
	id    string
	batch []int
}

func (mv *filterMove) effect(message int) string { return fmt.Sprintf("%s of %d", mv.id, message) }

type consumeMove struct {
	filter *filterMove
	fails  bool
}

type failMove struct {
	message int
	cause   string
}

type deadMove struct{}

type reviveMove struct{ messages []int }

type ageMove struct{ subject string }

type gcMove struct{ batch int }

// dealer chooses random moves.
type dealer struct {
	rand *rand.Rand
	n    int // number of ids used so far
}

func (d *dealer) id() string {
	d.n++
	return fmt.Sprintf("e%d", d.n)
}

func (d *dealer) move() move {
	switch n := d.rand.IntN(100); {
	case n < 30:
		return &runMove{claim: d.claim(0), level: d.rand.IntN(4)}
	case n < 48:
		return d.transaction()
	case n < 56:
		return &consumeMove{filter: d.filter(), fails: d.rand.IntN(3) == 0}
	case n < 74:
		return &failMove{message: d.ill(), cause: d.id()}
	case n < 78:
		return &deadMove{}
	case n < 84:
		return &reviveMove{messages: []int{d.ill(), d.ill(), d.rand.IntN(playMessages)}}
	case n < 94 && d.rand.IntN(2) == 0:
		return &ageMove{subject: messageSubject(d.rand.IntN(playMessages))}
	case n < 94:
		return &ageMove{subject: keySubject(d.rand.IntN(playKeys))}
	}
	return &gcMove{batch: 1 + d.rand.IntN(4)}
}

func (d *dealer) claim(depth int) *claimMove {
	mv := &claimMove{id: d.id(), key: d.rand.IntN(playKeys), print: []int{1, 1, 1, 1, 2, 0}[d.rand.IntN(6)]}
	mv.retain = []time.Duration{0, time.Hour, ages}[d.rand.IntN(3)]
	mv.end = []end{endsWell, endsWell, endsWell, endsWell, endsBadly, endsInPanic, endsFinally, endsKnown}[d.rand.IntN(8)]
	for d.rand.IntN(4) == 0 && depth < 3 {
		mv.inside = append(mv.inside, d.within(depth+1))
	}
	return mv
}

func (d *dealer) within(depth int) inside {
	if d.rand.IntN(4) == 0 {
		return d.filter()
	}
	return d.claim(depth)
}

func (d *dealer) transaction() *txMove {
	mv := &txMove{level: d.rand.IntN(4), plain: d.rand.IntN(3) == 0, commit: d.rand.IntN(4) > 0}
	for len(mv.inside) == 0 || d.rand.IntN(2) == 0 {
		mv.inside = append(mv.inside, d.within(0))
	}
	return mv
}

func (d *dealer) filter() *filterMove { return &filterMove{id: d.id(), batch: d.batch()} }

// batch returns messages for a batch. A message can occur twice.
func (d *dealer) batch() (batch []int) {
	for len(batch) == 0 || d.rand.IntN(5) > 0 {
		m := d.rand.IntN(playMessages)
		if m >= playHealthy && d.rand.IntN(4) > 0 {
			m = d.rand.IntN(playHealthy)
		}
		batch = append(batch, m)
	}
	return batch
}

// ill chooses a message that fails. It prefers messages that are rarely handled, because other messages would not fail often
// enough.
func (d *dealer) ill() int {
	if d.rand.IntN(4) == 0 {
		return d.rand.IntN(playMessages)
	}
	return playHealthy + d.rand.IntN(playMessages-playHealthy)
}
