package keys

import (
	"context"
	"log/slog"
	"time"
)

// Hooks are functions that a store calls when something happens. A nil hook is not called. A hook runs in the caller's
// goroutine; for Once, Run and Filter the transaction may still be open. So a hook must be quick, be safe for concurrent use,
// and leave the database alone. [SlogHooks] logs; an example connects hooks to Prometheus.
type Hooks struct {
	// Claim: fn was called and its effect was recorded; after Once the transaction is not committed yet. Duration is the whole
	// call's. After Filter, Count is how many messages were fresh.
	Claim func(context.Context, Event)
	// Replay: the stored result was returned instead of calling fn. If the stored result is an error, Err is this error. After
	// Filter, Count is how many messages had been handled.
	Replay func(context.Context, Event)
	// Mismatch: the key had another fingerprint.
	Mismatch func(context.Context, Event)
	// Wait: another caller had the key. Duration is how long the claim took to learn what became of the key. If the claim gave
	// up, Err is the reason. If the key was done before and this process had not seen the key, Wait is called although nobody
	// was waited for; Duration is then the time of a statement or two.
	Wait func(context.Context, Event)
	// Retry: an attempt of the library's own transaction ended in Err, and another attempt follows. Duration is how long the
	// attempt took, and Count is its number.
	Retry func(context.Context, Event)
	// Remove: GC has removed a batch of Count keys, in Duration.
	Remove func(context.Context, Event)
}

// Event is passed to a hook.
type Event struct {
	Key      Key // zero for a batch; for a message, Scope is the consumer, ID the message's identity and Op ""
	Duration time.Duration
	Count    int64
	Err      error
}

func (s *Store) emit(ctx context.Context, which func(*Hooks) func(context.Context, Event), e Event) {
	for i := range s.config.hooks {
		if f := which(&s.config.hooks[i]); f != nil {
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

// SlogHooks returns hooks that log mismatches and retries as warnings, removals as information, and the others for debugging.
// Keys are logged in readable form. If Key.ID is a secret, write hooks of your own that leave Key.ID out.
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
