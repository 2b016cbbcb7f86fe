package upsert

import (
	"context"
	"log/slog"
	"time"
)

// Hooks are called with what a [Table] does. A nil one is not called. They are called on the goroutine of the call, Write after it and
// Retry in the middle of it: they must be quick, safe for concurrent use, and leave the database alone. [SlogHooks] logs.
type Hooks struct {
	// Write: a verb has ended. Inside a transaction of the caller's nothing is committed yet. Err is the verb's error, and Result
	// counts what was written: with [ChunkTx] also before an error.
	Write func(context.Context, Event)
	// Retry: attempt number Attempt of the library's own transaction ended in Err after Duration, and there is another.
	Retry func(context.Context, Event)
}

// Event is what a hook is told.
type Event struct {
	Table    string // as given to New
	Verb     string // "Put", "GetOrCreate", "PutAll", "PutSeq", "Exec"; of a [Prepared] "Prepared.Put" and "Prepared.Exec"
	Path     Path   // how the rows went: Values for a single row, the last part's path for a sequence; Auto if nothing was sent
	Result   Result // of Write; Exec counts its row as Unknown
	Attempt  int    // of Retry, from 1
	Duration time.Duration
	Err      error
}

// WithHooks adds hooks to those that are there.
func WithHooks(h Hooks) Option {
	return option(func(c *config) error { c.hooks = append(c.hooks, h); return nil })
}

// SlogHooks returns hooks that log: writes for debugging, failed writes and retries as warnings. Values of rows are logged only as far
// as the database's error has them.
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

// watch is a call of a table with hooks. A table without has none, and the methods of a nil watch do nothing.
type watch struct {
	table   *table
	event   Event
	began   time.Time
	attempt time.Time // when the current attempt began
}

type watchKey struct{}

// watch begins a call, and returns a context by which the call's attempts find the watch.
func (t *table) watch(ctx context.Context, verb string) (context.Context, *watch) {
	if len(t.hooks) == 0 {
		return ctx, nil
	}
	now := time.Now()
	w := &watch{table: t, event: Event{Table: t.name, Verb: verb}, began: now, attempt: now}
	return context.WithValue(ctx, watchKey{}, w), w
}

// watchOf returns the watch of a call, or nil.
func (t *table) watchOf(ctx context.Context) *watch {
	if len(t.hooks) == 0 {
		return nil
	}
	w, _ := ctx.Value(watchKey{}).(*watch)
	return w
}

func (w *watch) goes(by Path) {
	if w != nil {
		w.event.Path = by
	}
}

// retries tells of an attempt, counted from 1, that has failed before another.
func (w *watch) retries(ctx context.Context, attempt int, err error) {
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

// ended tells of the call's end.
func (w *watch) ended(ctx context.Context, r Result, err error) {
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

// endedOne is ended of a call for one row.
func (w *watch) endedOne(ctx context.Context, o Outcome, err error) {
	if w == nil {
		return
	}
	var r Result
	if err == nil {
		r.count(o, 1)
	}
	w.ended(ctx, r, err)
}
