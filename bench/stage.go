package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/goupsert/upsert/bench/internal/contest"
	"github.com/goupsert/upsert/bench/internal/memory"
	"github.com/goupsert/upsert/bench/internal/peer"
	"github.com/goupsert/upsert/bench/internal/place"
	"github.com/goupsert/upsert/bench/internal/row"
	"github.com/goupsert/upsert/internal/engine"
)

// batches measures every way on the workload.
func (b *bench) batches(ctx context.Context, t testing.TB, e *engine.Engine) error {
	s := row.Accounts()
	g := game[row.Account]{s, peer.Batches(e.Dialect(), s), b.options.rows, b.roundsOn(e.Name()), b.options.batchCases()}
	series, err := g.play(ctx, b, t, e)
	b.results.Batches = append(b.results.Batches, series...)
	return err
}

// singles measures rows with a statement each.
func (b *bench) singles(ctx context.Context, t testing.TB, e *engine.Engine) error {
	s := row.Accounts()
	g := game[row.Account]{s, peer.Singles(e.Dialect(), s), b.singleRows(), b.singleRounds(e.Name()), []place.Case{place.Half}}
	series, err := g.play(ctx, b, t, e)
	for _, one := range series {
		one.Case = single
	}
	b.results.Singles = append(b.results.Singles, series...)
	return err
}

// breadth measures a batch of rows of other shapes.
func (b *bench) breadth(ctx context.Context, t testing.TB, e *engine.Engine) error {
	return errors.Join(
		broad(ctx, b, t, e, row.ThreeColumns()), broad(ctx, b, t, e, row.Accounts()),
		broad(ctx, b, t, e, row.ThirtyColumns()), broad(ctx, b, t, e, row.TextKeys()))
}

func broad[R any](ctx context.Context, b *bench, t testing.TB, e *engine.Engine, s *row.Shape[R]) error {
	g := game[R]{s, only(peer.Batches(e.Dialect(), s), inBreadth), b.breadthRows(), b.breadthRounds(), []place.Case{place.Half}}
	series, err := g.play(ctx, b, t, e)
	b.results.Breadth = append(b.results.Breadth, series...)
	return err
}

// told measures batches of which the outcomes are asked for.
func (b *bench) told(ctx context.Context, t testing.TB, e *engine.Engine) error {
	s := row.Accounts()
	g := game[row.Account]{s, peer.Told(e.Dialect(), s), b.toldRows(), b.toldRounds(), []place.Case{place.Half}}
	series, err := g.play(ctx, b, t, e)
	b.results.Told = append(b.results.Told, series...)
	return err
}

// game is a contest of writers of one shape of rows.
type game[R any] struct {
	shape  *row.Shape[R]
	peers  []peer.Peer[R]
	rows   int
	rounds int
	cases  []place.Case
}

func (g game[R]) play(ctx context.Context, b *bench, t testing.TB, e *engine.Engine) ([]*contest.Series, error) {
	b.progress.Stage(fmt.Sprintf("%s, %s: filling", e.Name(), g.shape.Name))
	p, err := place.New(t, e, g.shape.Columns)
	if err != nil {
		return nil, err
	}
	if err := place.Fill(ctx, p, g.shape, g.rows); err != nil {
		return nil, err
	}
	entries, err := peer.Entries(ctx, p, g.peers, g.shape.Rows(g.rows, row.Fresh))
	if err != nil {
		return nil, err
	}
	var all []*contest.Series
	for i, c := range g.cases {
		b.progress.Stage(fmt.Sprintf("%s, %s, %s", e.Name(), g.shape.Name, c))
		match := contest.Contest{
			Engine: e.Name(), Case: string(c), Shape: g.shape.Name, Rows: g.rows, Rounds: g.rounds, Warm: i == 0,
			Before: func(ctx context.Context) error { return p.Restore(ctx, c) }, After: p.Check, WAL: p.WAL(), Step: b.step,
		}
		series, err := match.Play(ctx, entries)
		if err != nil {
			return nil, err
		}
		all = append(all, series...)
	}
	return all, nil
}

// curve measures calls of one row, ten rows, and so on.
func (b *bench) curve(ctx context.Context, t testing.TB, e *engine.Engine) error {
	s := row.Accounts()
	p, err := place.New(t, e, s.Columns)
	if err != nil {
		return err
	}
	rows := s.Rows(b.mostOn(e.Name()), row.Fresh)
	for _, n := range b.curveSizes(e.Name()) {
		b.progress.Stage(fmt.Sprintf("%s, curve, %d rows", e.Name(), n))
		entries, err := peer.Entries(ctx, p, only(peer.Batches(e.Dialect(), s), inCurve), rows[:n])
		if err != nil {
			return err
		}
		match := contest.Contest{
			Engine: e.Name(), Case: curve, Shape: s.Name, Rows: n, Rounds: b.curveRounds(n), Warm: b.curveWarm(n),
			Before: func(ctx context.Context) error { return p.Restore(ctx, place.Fresh) },
			After:  func(ctx context.Context) error { return p.Count(ctx, n) }, Step: b.step,
		}
		series, err := match.Play(ctx, entries)
		if err != nil {
			return err
		}
		b.results.Curve = append(b.results.Curve, series...)
	}
	return nil
}

// memory measures sequences in processes of their own.
func (b *bench) memory(ctx context.Context, t testing.TB, e *engine.Engine) error {
	p, err := place.New(t, e, row.Accounts().Columns)
	if err != nil {
		return err
	}
	for _, n := range b.options.seq {
		b.progress.Stage(fmt.Sprintf("%s, memory, %d rows", e.Name(), n))
		if err := p.Restore(ctx, place.Fresh); err != nil {
			return err
		}
		u, err := memory.Run(ctx, memory.Job{Driver: p.Driver(), DSN: p.DSN(p.Driver()), Rows: n})
		if err != nil {
			return fmt.Errorf("%s: %w", e.Name(), err)
		}
		if err := p.Count(ctx, n); err != nil {
			return fmt.Errorf("%s, memory: %w", e.Name(), err)
		}
		u.Engine, u.Way = e.Name(), peer.Driver(e.Dialect())
		b.results.Memory = append(b.results.Memory, u)
		b.step()
	}
	return nil
}
