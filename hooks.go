package upsert

import (
	"context"
	"log/slog"
	"time"

	"github.com/goupsert/upsert/internal/write"
)

// Hooks are functions that a [Table] calls to tell what it does. A nil hook is not called. Hooks run on the goroutine of the
// call: Write after the call's work, and Retry between two attempts. So a hook must be quick, safe for concurrent use, and leave
// the database alone. [SlogHooks] returns hooks that log.
type Hooks struct {
	// Write is called when a verb has ended. In the caller's transaction nothing is committed yet. Err is the verb's error.
	// Result counts the rows that were written: with [ChunkTx] also if there is an error, the rows before it.
	Write func(context.Context, Event)
	// Retry is called before the library runs its own transaction again. Attempt number Attempt ended in Err after Duration.
	Retry func(context.Context, Event)
}

// Event is the argument of a hook.
type Event struct {
	Table    string // as given to New
	Verb     string // "Put", "GetOrCreate", "PutAll", "PutSeq", "Exec", "Prepared.Put" or "Prepared.Exec"
	Path     Path   // how rows were sent: Values for a single row, the last part's path for a sequence, Auto if nothing was sent
	Result   Result // for Write only; Exec counts its row as Unknown
	Attempt  int    // for Retry only, counted from 1
	Duration time.Duration
	Err      error
}

// WithHooks adds hooks to the table's other hooks.
func WithHooks(h Hooks) Option {
	return option(func(c *config) error { c.hooks = append(c.hooks, h); return nil })
}

// SlogHooks returns hooks that log: writes at level debug, failed writes and retries as warnings. The log contains values of rows
// only if the database's error message contains them.
func SlogHooks(l *slog.Logger) Hooks {
	log := func(ctx context.Context, level slog.Level, msg string, e Event, more slog.Attr) {
		if !l.Enabled(ctx, level) {
			return
		}
		attrs := []slog.Attr{slog.String("table", e.Table), slog.String("verb", e.Verb), slog.String("path", e.Path.String()), slog.Duration("duration", e.Duration), more}
		if e.Err != nil {
			attrs = append(attrs, slog.Any("error", e.Err))
		}
		l.LogAttrs(ctx, level, msg, attrs...)
	}
	return Hooks{
		Write: func(ctx context.Context, e Event) {
			level, msg := slog.LevelDebug, "rows written"
			if e.Err != nil {
				level, msg = slog.LevelWarn, "rows not written"
			}
			log(ctx, level, msg, e, slog.String("result", e.Result.String()))
		},
		Retry: func(ctx context.Context, e Event) {
			log(ctx, slog.LevelWarn, "transaction retried", e, slog.Int("attempt", e.Attempt))
		},
	}
}

// watch follows one call on a table with hooks. A table without hooks has a nil watch, whose methods do nothing.
type watch struct {
	table   *table
	event   Event
	began   time.Time
	attempt time.Time // when the current attempt began
}

type watchKey struct{}

// watch begins to follow a call, and returns a context by which the call's attempts find the watch.
func (t *table) watch(ctx context.Context, verb string) (context.Context, *watch) {
	if len(t.hooks) == 0 {
		return ctx, nil
	}
	now := time.Now()
	w := &watch{table: t, event: Event{Table: t.name, Verb: verb}, began: now, attempt: now}
	return context.WithValue(ctx, watchKey{}, w), w
}

// watchOf returns the watch of the call that ctx belongs to, or nil.
func (t *table) watchOf(ctx context.Context) *watch {
	if len(t.hooks) == 0 {
		return nil
	}
	w, _ := ctx.Value(watchKey{}).(*watch)
	return w
}

// events returns the functions by which package write tells the watch of a call. A table without hooks has none.
func (t *table) events() write.Events {
	if len(t.hooks) == 0 {
		return write.Events{}
	}
	return write.Events{
		Retried: func(ctx context.Context, attempt int, err error) { t.watchOf(ctx).retry(ctx, attempt, err) },
		Chosen: func(ctx context.Context, by write.Path) {
			if w := t.watchOf(ctx); w != nil {
				w.event.Path = Path(by)
			}
		},
	}
}

// retry calls the Retry hooks after a failed attempt, counted from 1, before the next attempt.
func (w *watch) retry(ctx context.Context, attempt int, err error) {
	if w == nil {
		return
	}
	e := w.event
	e.Attempt, e.Err, e.Duration = attempt, err, time.Since(w.attempt)
	for i := range w.table.hooks {
		if f := w.table.hooks[i].Retry; f != nil {
			f(ctx, e)
		}
	}
	w.attempt = time.Now()
}

// end calls the Write hooks at the end of the call.
func (w *watch) end(ctx context.Context, r Result, err error) {
	if w == nil {
		return
	}
	e := w.event
	e.Result, e.Err, e.Duration = r, err, time.Since(w.began)
	for i := range w.table.hooks {
		if f := w.table.hooks[i].Write; f != nil {
			f(ctx, e)
		}
	}
}

// endOne is end for a call that writes one row.
func (w *watch) endOne(ctx context.Context, o Outcome, err error) {
	if w == nil {
		return
	}
	var c write.Counts
	if err == nil {
		c.Add(write.Outcome(o), 1)
	}
	w.end(ctx, Result(c), err)
}
