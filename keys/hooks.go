package keys

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
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

// SlogOption is an option of [SlogHooks].
type SlogOption func(*slogKeys)

// LogKeyIDs makes [SlogHooks] log the IDs of keys and messages in readable form.
func LogKeyIDs() SlogOption { return func(k *slogKeys) { k.readable = true } }

// SlogHooks returns hooks that log mismatches and retries as warnings, removals as information, and the others for debugging.
//
// The ID of a key or a message can be a secret, because whoever knows the ID and the scope gets the stored result. So the log has
// a # and the first 16 hexadecimal digits of the row's key_hash in place of the ID, also within the texts of errors. [LogKeyIDs]
// logs the ID itself.
func SlogHooks(l *slog.Logger, opts ...SlogOption) Hooks {
	var k slogKeys
	for _, o := range opts {
		if o != nil {
			o(&k)
		}
	}
	at := func(level slog.Level, msg string) func(context.Context, Event) {
		return func(ctx context.Context, e Event) {
			if l.Enabled(ctx, level) {
				l.LogAttrs(ctx, level, msg, k.attrs(e)...)
			}
		}
	}
	return Hooks{
		Claim:    at(slog.LevelDebug, "key claimed"),
		Replay:   at(slog.LevelDebug, "key replayed"),
		Mismatch: at(slog.LevelWarn, "key used for another request"),
		Wait:     at(slog.LevelDebug, "key waited for"),
		Retry:    at(slog.LevelWarn, "transaction tried again"),
		Remove:   at(slog.LevelInfo, "keys removed"),
	}
}

// slogKeys says how the keys of events are logged.
type slogKeys struct{ readable bool }

func (k slogKeys) attrs(e Event) []slog.Attr {
	attrs := []slog.Attr{slog.Duration("duration", e.Duration)}
	if e.Key != (Key{}) {
		attrs = append(attrs, slog.String("key", k.text(e.Key)))
	}
	if e.Count != 0 {
		attrs = append(attrs, slog.Int64("count", e.Count))
	}
	switch {
	case e.Err == nil:
	case k.readable || e.Key.ID == "":
		attrs = append(attrs, slog.Any("error", e.Err))
	default:
		attrs = append(attrs, slog.String("error", k.hideID(e.Err.Error(), e.Key)))
	}
	return attrs
}

// text returns the key for the log.
func (k slogKeys) text(key Key) string {
	if k.readable || key.ID == "" {
		return key.String()
	}
	key.ID = hashedID(key)
	return key.String()
}

// hashedID returns what the log has in place of the key's ID.
func hashedID(k Key) string {
	h := hashOf(kindKey, k.Scope, k.Op, k.ID)
	if k.Op == "" {
		h = hashOf(kindMessage, k.Scope, k.ID)
	}
	return fmt.Sprintf("#%x", h[:8])
}

// shortestHiddenID is the length from which on an ID is looked for in an error's text by itself. A shorter ID is no secret, and
// could be a part of any word.
const shortestHiddenID = 8

// hideID replaces the key and its ID in an error's text.
func (k slogKeys) hideID(text string, key Key) string {
	text = strings.ReplaceAll(text, key.String(), k.text(key))
	if len(key.ID) < shortestHiddenID {
		return text
	}
	return strings.NewReplacer(key.ID, hashedID(key), readable(key.ID, false), hashedID(key)).Replace(text)
}
