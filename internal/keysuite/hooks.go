package keysuite

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"

	"github.com/goupsert/upsert/keys"
)

func hookBehaviours() []behaviour {
	return []behaviour{
		{"are told of each call", hooksOfCalls},
		{"are told of batches", hooksOfBatches},
		{"are told of waits and retries", hooksOfWaits},
		{"log", slogHooks},
	}
}

// told records the calls of the hooks, in order.
type told struct {
	mu     sync.Mutex
	names  []string
	events []keys.Event
}

func (h *told) hooks() keys.Hooks {
	note := func(name string) func(context.Context, keys.Event) {
		return func(_ context.Context, e keys.Event) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.names, h.events = append(h.names, name), append(h.events, e)
		}
	}
	return keys.Hooks{Claim: note("claim"), Replay: note("replay"), Mismatch: note("mismatch"), Wait: note("wait"), Retry: note("retry"), Remove: note("remove")}
}

// want expects calls of the hooks with these names. It ignores waits unless names contains "wait". It then clears the record and
// returns the last event.
func (h *told) want(p *place, what string, names ...string) (last keys.Event) {
	p.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	var got []string
	for i, name := range h.names {
		if name == "wait" && !strings.Contains(strings.Join(names, " "), "wait") {
			continue // the number of waits depends on whether the store has met the key
		}
		got, last = append(got, name), h.events[i]
		if h.events[i].Duration <= 0 {
			p.Errorf("%s: %s has no duration", what, name)
		}
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		p.Errorf("%s: the hooks were called for %q, want %q", what, got, names)
	}
	h.names, h.events = nil, nil
	return last
}

func hooksOfCalls(p *place) {
	h := &told{}
	s := p.open(keys.WithHooks(h.hooks(), keys.Hooks{}))
	p.each(func(p *place) {
		_, _, _ = p.call(s, p.key("a"), p.fingerprint(1), pays(p, "a", ""))
		if e := h.want(p, "a new key", "claim"); e.Key != p.key("a") || e.Err != nil {
			p.Errorf("%+v", e)
		}
		_, _, _ = p.call(s, p.key("a"), p.fingerprint(1), p.never)
		if e := h.want(p, "a stored key", "replay"); e.Key != p.key("a") || e.Err != nil {
			p.Errorf("%+v", e)
		}
		_, _, _ = p.call(p.open(keys.WithHooks(h.hooks())), p.key("a"), none(), p.never)
		h.want(p, "a stored key in another process", "replay")
		_, _, _ = p.call(s, p.key("a"), p.fingerprint(2), p.never)
		if e := h.want(p, "another fingerprint", "mismatch"); e.Key != p.key("a") || !errors.Is(e.Err, keys.ErrMismatch) {
			p.Errorf("%+v", e)
		}
		_, _, _ = p.call(s, p.key("b"), none(), p.fails("b", asIs{1}))
		h.want(p, "fn's error")
		var final *keys.FinalError
		_, _, _ = p.call(s, p.key("c"), none(), p.fails("c", keys.Final(asIs{1})))
		if e := h.want(p, "a final error", "claim"); !errors.As(e.Err, &final) {
			p.Errorf("%+v", e)
		}
		_, _, _ = p.call(s, p.key("c"), none(), p.never)
		if e := h.want(p, "a stored final error", "replay"); !errors.As(e.Err, &final) {
			p.Errorf("%+v", e)
		}
	})
}

func hooksOfBatches(p *place) {
	h := &told{}
	s := p.open(keys.WithHooks(h.hooks()))
	_, _ = p.filter(s, "c", "a", "b", "a", "c")
	if e := h.want(p, "a new batch", "claim"); e.Count != 3 || e.Key != (keys.Key{Scope: "c"}) {
		p.Errorf("%+v", e)
	}
	_, _ = p.filter(s, "c", "a", "b")
	if e := h.want(p, "a batch again", "replay"); e.Count != 2 {
		p.Errorf("%+v", e)
	}
	_, _ = p.filter(s, "c", "d", "b", "d")
	if e := h.want(p, "a mixed batch", "claim", "replay"); e.Count != 1 {
		p.Errorf("%+v", e)
	}
	_, _ = p.filter(s, "c")
	h.want(p, "an empty batch")
	p.expire("1 = 1")
	_, _ = s.GC(p.ctx)
	if e := h.want(p, "GC", "remove"); e.Count != 4 || e.Key != (keys.Key{}) {
		p.Errorf("%+v", e)
	}
	_, _ = s.GC(p.ctx)
	h.want(p, "GC of nothing")
}

func hooksOfWaits(p *place) {
	h := &told{}
	s := p.open(keys.WithHooks(h.hooks()))
	tx := p.holds("a")
	_, _, _ = keys.Run(p.ctx, s, p.key("a"), none(), p.never, keys.NoWait())
	e := h.want(p, "NoWait", "wait")
	if wantAs[*keys.InProgressError](p, "the wait", e.Err); e.Key != p.key("a") {
		p.Errorf("%+v", e)
	}
	p.commit(tx)
	_, _, _ = keys.Run(p.ctx, s, p.key("a"), none(), p.never)
	h.want(p, "a key that another process has claimed", "wait", "replay")

	_, _, _ = keys.Run(p.ctx, s, p.key("b"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
		if n := tx.Attempt(); n < 3 {
			return "", errors.Join(asIs{n}, p.conflicts(ctx, tx))
		}
		return "", nil
	})
	for i, e := range h.events[:min(2, len(h.events))] {
		if e.Count != int64(i+1) || !errors.Is(e.Err, asIs{i + 1}) {
			p.Errorf("retry %d is %+v", i+1, e)
		}
	}
	h.want(p, "a key whose fn is retried", "retry", "retry", "claim")
}

func slogHooks(p *place) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "duration" && a.Value.Duration() > 0 {
			return slog.Attr{}
		}
		return a
	}}))
	for name, c := range map[string]struct {
		opts    []keys.SlogOption
		id, key string
	}{
		"hashed":   {nil, "secret-42", "me/pay/#" + p.digits("secret-42")},
		"short":    {nil, "7", "me/pay/#" + p.digits("7")},
		"readable": {[]keys.SlogOption{keys.LogKeyIDs(), nil}, "secret-42", "me/pay/secret-42"},
	} {
		p.on(name, func(p *place) {
			out.Reset()
			s := p.open(keys.WithHooks(keys.SlogHooks(log, c.opts...)))
			_, _, _ = keys.Run(p.ctx, s, p.key(c.id), p.fingerprint(1), pays(p, "a", ""))
			_, _, _ = keys.Run(p.ctx, s, p.key(c.id), p.fingerprint(1), p.never)
			_, _, _ = keys.Run(p.ctx, s, p.key(c.id), p.fingerprint(2), p.never)
			_, _ = p.filter(s, "c", "m", "n")
			p.expire("1 = 1")
			_, _ = s.GC(p.ctx)
			want := strings.Join([]string{
				`level=DEBUG msg="key claimed" key=` + c.key,
				`level=DEBUG msg="key replayed" key=` + c.key,
				`level=WARN msg="key used for another request" key=` + c.key + ` error="keys: ` + c.key + `: ` + keys.ErrMismatch.Error() + `"`,
				`level=DEBUG msg="key claimed" key=c// count=2`,
				`level=INFO msg="keys removed" count=3`,
			}, "\n") + "\n"
			if out.String() != want {
				p.Errorf("logged\n%swant\n%s", &out, want)
			}
		})
	}
	out.Reset()
	quiet := p.open(keys.WithHooks(keys.SlogHooks(slog.New(slog.NewTextHandler(&out, nil)))))
	p.wantPaid(quiet, "b")
	if out.Len() > 0 {
		p.Errorf("logged %s although debugging is off", &out)
	}
}

// digits returns the first 16 hexadecimal digits of the key_hash of a key with this ID.
func (p *place) digits(id string) string {
	p.Helper()
	p.wantPaid(p.store, id)
	digits := get[string](p, "SELECT "+p.pick("lower(hex(substr(key_hash, 1, 8)))", "encode(substr(key_hash, 1, 8), 'hex')", "LOWER(HEX(SUBSTR(key_hash, 1, 8)))")+" FROM idempotency_keys")
	p.exec("DELETE FROM idempotency_keys")
	return digits
}
