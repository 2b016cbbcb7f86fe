package keys

import (
	"context"
	"log/slog"
	"time"
)

// Hooks are called with what happens in a store. A nil one is not called. They are called where it happens, in the caller's
// goroutine and, of Once, Run and Filter, while its transaction may still be open: they must be quick, safe for concurrent
// use, and leave the database alone. [SlogHooks] logs; an example wires them to Prometheus.
type Hooks struct {
	// Claim: fn was called and what it did was recorded, by Once for a transaction that is not committed yet; Duration is
	// the whole call's. Of Filter, Count is how many messages were fresh.
	Claim func(context.Context, Event)
	// Replay: the stored result was returned in place of calling fn, Err being the stored error if that is what it is. Of
	// Filter, Count is how many messages had been handled.
	Replay func(context.Context, Event)
	// Mismatch: the key had another fingerprint.
	Mismatch func(context.Context, Event)
	// Wait: another caller had the key; Duration is how long the claim took to learn what became of it, Err why it gave up, if
	// it did. Nobody was waited for, and Duration is that of a statement or two, where the key was done before and this
	// process had not seen it.
	Wait func(context.Context, Event)
	// Retry: an attempt of the library's own transaction ended in Err, and there is another; Duration is how long the attempt
	// took, Count its number.
	Retry func(context.Context, Event)
	// Remove: a batch of Count keys was removed by GC, in Duration.
	Remove func(context.Context, Event)
}

// Event is what a hook is told.
type Event struct {
	Key      Key // zero for a batch; Scope and ID of a message are its consumer and its own, and its Op is ""
	Duration time.Duration
	Count    int64
	Err      error
}

func (s *Store) emit(ctx context.Context, which func(*Hooks) func(context.Context, Event), e Event) {
	for i := range s.hooks {
		if f := which(&s.hooks[i]); f != nil {
			f(ctx, e)
		}
	}
}

func onClaim(h *Hooks) func(context.Context, Event)    { return h.Claim }
func onReplay(h *Hooks) func(context.Context, Event)   { return h.Replay }
func onMismatch(h *Hooks) func(context.Context, Event) { return h.Mismatch }
func onWait(h *Hooks) func(context.Context, Event)     { return h.Wait }
func onRetry(h *Hooks) func(context.Context, Event)    { return h.Retry }
func onRemove(h *Hooks) func(context.Context, Event)   { return h.Remove }

// SlogHooks returns hooks that log: mismatches and retries as warnings, removals as information, the others for debugging.
// Keys are logged readable; leave Key.ID out of your logs by writing hooks of your own if it is a secret.
func SlogHooks(l *slog.Logger) Hooks {
	at := func(level slog.Level, msg string) func(context.Context, Event) {
		return func(ctx context.Context, e Event) {
			if !l.Enabled(ctx, level) {
				return
			}
			attrs := []slog.Attr{slog.Duration("duration", e.Duration)}
			if e.Key != (Key{}) {
				attrs = append(attrs, slog.String("key", e.Key.String()))
			}
			if e.Count != 0 {
				attrs = append(attrs, slog.Int64("count", e.Count))
			}
			if e.Err != nil {
				attrs = append(attrs, slog.Any("error", e.Err))
			}
			l.LogAttrs(ctx, level, msg, attrs...)
		}
	}
	return Hooks{
		Claim:    at(slog.LevelDebug, "key claimed"),
		Replay:   at(slog.LevelDebug, "key replayed"),
		Mismatch: at(slog.LevelWarn, "key used for another request"),
		Wait:     at(slog.LevelDebug, "key waited for"),
		Retry:    at(slog.LevelWarn, "key's transaction retried"),
		Remove:   at(slog.LevelInfo, "keys removed"),
	}
}
