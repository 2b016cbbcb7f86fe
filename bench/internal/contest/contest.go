package contest

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// Entry is a way that takes part.
type Entry struct {
	Way   Way
	Write func(ctx context.Context) error
}

// Contest is what several ways are measured at.
type Contest struct {
	Engine, Case, Shape string
	Rows                int
	Rounds              int
	Warm                bool // a further round goes before and is not counted

	Before func(ctx context.Context) error          // restores the table, outside the clock
	After  func(ctx context.Context) error          // checks what was left, outside the clock
	WAL    func(ctx context.Context) (int64, error) // the position in the server's log, or nil
	Step   func()                                   // a run has ended
}

// Play runs every entry once a round. Each round begins with another one, so that none is always the one after the same.
func (c *Contest) Play(ctx context.Context, entries []Entry) ([]*Series, error) {
	all := make([]*Series, len(entries))
	for i, e := range entries {
		all[i] = &Series{Way: e.Way, Engine: c.Engine, Case: c.Case, Shape: c.Shape, Rows: c.Rows}
	}
	first := 0
	if c.Warm {
		first = -1
	}
	for round := first; round < c.Rounds; round++ {
		for turn := range entries {
			i := (round + 1 + turn) % len(entries)
			run, err := c.run(ctx, entries[i])
			if err != nil {
				return nil, fmt.Errorf("%s, %s, %s: %w", c.Engine, c.Case, entries[i].Way, err)
			}
			if round >= 0 {
				all[i].Runs = append(all[i].Runs, run)
			}
			c.Step()
		}
	}
	return all, nil
}

func (c *Contest) run(ctx context.Context, e Entry) (r Run, err error) {
	if err := c.Before(ctx); err != nil {
		return r, fmt.Errorf("restore: %w", err)
	}
	begin, err := c.wal(ctx)
	if err != nil {
		return r, err
	}
	var before, after runtime.MemStats
	runtime.GC() // of what the one before has left
	runtime.ReadMemStats(&before)
	start := time.Now()
	err = e.Write(ctx)
	r.Took = time.Since(start)
	runtime.ReadMemStats(&after)
	if err != nil {
		return r, err
	}
	end, err := c.wal(ctx)
	if err != nil {
		return r, err
	}
	r.Mallocs, r.WAL = after.Mallocs-before.Mallocs, end-begin
	if c.WAL == nil {
		r.WAL = -1
	}
	if err := c.After(ctx); err != nil {
		return r, fmt.Errorf("what it left is wrong: %w", err)
	}
	return r, nil
}

func (c *Contest) wal(ctx context.Context) (int64, error) {
	if c.WAL == nil {
		return 0, nil
	}
	at, err := c.WAL(ctx)
	if err != nil {
		return 0, fmt.Errorf("where the log is: %w", err)
	}
	return at, nil
}
