package upserttest

import (
	"context"
	"slices"
	"sync"
)

// Effects is a fake of something outside the database: a payment provider, a mail server. It counts its calls by their keys.
// The zero Effects is ready for use.
//
// With the option [WithEffects] a call is a place like a statement: runs break before and after it, and the counts are compared
// like a table with the name "effects". Each check begins with no calls.
type Effects struct {
	// Dedup has the provider do a call once for each key, as providers do that take an idempotency key. Calls that have the key
	// of an earlier one count no more.
	Dedup bool

	mu     sync.Mutex
	counts map[string]int
}

// Call is a call of the provider with a key. It returns the error of a broken place, or nil. Give it the context that the write
// was given; with another context the call is counted, but is no place.
func (e *Effects) Call(ctx context.Context, key string) error {
	r, ok := ctx.Value(runKey{}).(*run)
	if !ok {
		e.count(key)
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	p, err := r.arrive(request{kind: effect, text: "effect " + key}, false)
	if err != nil {
		return err
	}
	if r.hits(p, before) {
		p.err = r.strikeAt(ctx, nil, p)
		return p.err
	}
	e.count(key)
	if r.hits(p, after) {
		p.err = r.strikeAt(ctx, nil, p)
	}
	return p.err
}

func (e *Effects) count(key string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.counts == nil {
		e.counts = map[string]int{}
	}
	if !e.Dedup || e.counts[key] == 0 {
		e.counts[key]++
	}
}

// Count returns how often the provider was called with a key.
func (e *Effects) Count(key string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.counts[key]
}

// Keys returns the keys that the provider was called with, sorted.
func (e *Effects) Keys() (keys []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for key := range e.counts {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func (e *Effects) reset() {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.counts = nil
}

func (e *Effects) table() *table {
	t := &table{name: "effects", columns: []string{"key", "calls"}, key: []string{"key"}, isFake: true}
	for _, key := range e.Keys() {
		t.rows = append(t.rows, []cell{textCell(key, "text"), cellOf(int64(e.Count(key)))})
	}
	return t
}
