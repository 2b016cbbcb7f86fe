package main

import (
	"strings"

	"github.com/goupsert/upsert/bench/internal/contest"
	"github.com/goupsert/upsert/bench/internal/peer"
	"github.com/goupsert/upsert/bench/internal/row"
	"github.com/goupsert/upsert/internal/engine"
)

// roundsOn are fewer on MySQL 5.7, because it is much like MariaDB and would make the whole run longer by a third.
func (b *bench) roundsOn(engine string) int {
	if engine == mysql57 {
		return min(b.options.rounds, 3)
	}
	return b.options.rounds
}

// mostOn is the greatest number of rows of the curve. A million rows take half a minute.
func (b *bench) mostOn(engine string) int {
	if engine == mysql57 {
		return min(b.options.most, 100_000)
	}
	return b.options.most
}

const mysql57 = "mysql57"

func (b *bench) singleRows() int { return min(1000, b.options.rows) }

// singleRounds are more, because a run is over in a tenth of a second, and whatever else the machine does then is much of it.
func (b *bench) singleRounds(engine string) int { return 3 * b.roundsOn(engine) }

// Rows of other shapes are fewer, and have fewer rounds: they only show whether the figures hold.
func (b *bench) breadthRows() int { return max(b.options.rows/4, 2) }

func (b *bench) breadthRounds() int { return min(b.options.rounds, 3) }

// Rows whose outcomes are asked for are as few: on MySQL each has a statement of its own.
func (b *bench) toldRows() int { return b.breadthRows() }

func (b *bench) toldRounds() int { return b.breadthRounds() }

func (b *bench) curveSizes(engine string) []int {
	var all []int
	for n := 1; n <= b.mostOn(engine); n *= 10 {
		all = append(all, n)
	}
	return all
}

// curveRounds are more of what is over soon, and one of what takes long.
func (b *bench) curveRounds(n int) int {
	switch {
	case n < 10_000:
		return 2*b.options.rounds - 1
	case n < 1_000_000:
		return min(b.options.rounds, 3)
	}
	return 1
}

func (b *bench) curveWarm(n int) bool { return n < 1_000_000 }

// inBreadth are the library's own choices, and whom they are measured against with rows of other shapes.
func inBreadth(w contest.Way) bool {
	switch w.Kind {
	case contest.Library:
		return w.Name == "upsert"
	case contest.Peer:
		return strings.HasPrefix(w.Name, "GORM")
	}
	return w.Name == "by hand, prepared VALUES" || w.Name == "by hand, COPY" || w.Name == "by hand, LOAD DATA"
}

func inCurve(w contest.Way) bool { return w.Name == "GORM" || w.Name == "upsert" && w.Driver != "pgx" }

func only[R any](peers []peer.Peer[R], keep func(contest.Way) bool) []peer.Peer[R] {
	var some []peer.Peer[R]
	for _, p := range peers {
		if keep(p.Way) {
			some = append(some, p)
		}
	}
	return some
}

// runs is how many runs there will be, for the bar.
func (b *bench) runs() int {
	total := 0
	for _, name := range b.options.engines {
		total += b.runsOf(engine.Get(name))
	}
	return total
}

func (b *bench) runsOf(e *engine.Engine) int {
	dialect := e.Dialect()
	all := peer.Batches(dialect, row.Accounts())
	total := len(all) * b.roundsOn(e.Name()) * len(b.options.batchCases())
	if len(b.options.batchCases()) > 0 {
		total += len(all) // the warm round
	}
	if b.options.has(single) {
		total += len(peer.Singles(dialect, row.Accounts())) * (b.singleRounds(e.Name()) + 1)
	}
	if b.options.has(breadth) {
		total += 4 * len(only(all, inBreadth)) * (b.breadthRounds() + 1)
	}
	if b.options.has(told) {
		total += len(peer.Told(dialect, row.Accounts())) * (b.toldRounds() + 1)
	}
	if b.options.has(curve) {
		for _, n := range b.curveSizes(e.Name()) {
			rounds := b.curveRounds(n)
			if b.curveWarm(n) {
				rounds++
			}
			total += len(only(all, inCurve)) * rounds
		}
	}
	if b.options.has(inSeq) {
		total += len(b.options.seq)
	}
	return total
}
