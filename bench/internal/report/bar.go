package report

import (
	"fmt"
	"math"

	"github.com/goupsert/upsert/bench/internal/contest"
)

// bar is a ratio that is to be reached.
type bar struct {
	dialect string
	single  bool // among the single rows
	cases   []string
	name    string // the library's way
	driver  string
	against string
	keep    func(*contest.Series) bool // whom it is against: the best of them
	least   float64
	wal     float64 // the most of the other's WAL that ours may be, or 0
}

// bars are what issue 4 asks for.
func bars() []bar {
	best := "best peer"
	batch := func(dialect, benchCase, name, driver, against string, keep func(*contest.Series) bool, least float64) bar {
		return bar{dialect: dialect, cases: []string{benchCase}, name: name, driver: driver, against: against, keep: keep, least: least}
	}
	all := []bar{
		batch("postgres", "fresh", "upsert", "lib/pq", best, isPeer, 1.7),
		batch("postgres", "half", "upsert", "lib/pq", best, isPeer, 1.4),
		batch("postgres", "half", "upsert", "lib/pq", "server-side limit", isLimit, 0.7),
		batch("postgres", "replay", "upsert", "lib/pq", best, isPeer, 3),
		batch("postgres", "replay", "upsert", "pgx", best, isPeer, 3),
		batch("postgres", "half", "upsert", "pgx", best, isPeer, 1.5),
		batch("sqlite", "fresh", "upsert", "", best, isPeer, 1.6),
		batch("sqlite", "half", "upsert", "", best, isPeer, 1.6),
		batch("sqlite", "half", "upsert", "", "hand-written loop", isByHand, 0.97),
		batch("sqlite", "replay", "upsert", "", best, isPeer, 1.8),
		batch("mariadb", "fresh", "upsert", "", best, isPeer, 1.4),
		batch("mariadb", "half", "upsert", "", best, isPeer, 1.4),
		batch("mariadb", "half", "upsert, LOAD DATA", "", best, isPeer, 1.6),
		batch("mariadb", "replay", "upsert", "", best, isPeer, 1.5),
	}
	all[3].wal, all[4].wal = 0.01, 0.01
	for _, over := range []struct{ dialect, driver string }{
		{"sqlite", "go-sqlite3"}, {"postgres", "lib/pq"}, {"postgres", "pgx"}, {"mariadb", "go-sql-driver"},
	} {
		one := func(name, against string, keep func(*contest.Series) bool, least float64) bar {
			return bar{dialect: over.dialect, single: true, name: name, driver: over.driver, against: against, keep: keep, least: least}
		}
		all = append(all,
			one("upsert, Prepare", "by hand, prepared", named("by hand, prepared", over.driver), 0.95),
			one("upsert, plain Exec", "GORM, tuned", named("GORM, tuned", ""), 1),
			one("upsert, plain Prepared.Put", "by hand, prepared", named("by hand, prepared", over.driver), 0.9),
			one("upsert, Put", "GORM, as it comes", named("GORM, as it comes", ""), 1.5),
			one("upsert, Put", "GORM, tuned", named("GORM, tuned", ""), 1.5))
	}
	return all
}

// verdict is what became of a bar on one engine.
type verdict struct {
	bar    bar
	engine Engine
	lib    *contest.Series // nil: not measured
	other  *contest.Series
	hand   *contest.Series // the best by hand, or nil
}

// verdicts are those of the engines that were measured, in the bars' order.
func (r *Results) verdicts() []verdict {
	var all []verdict
	for _, b := range bars() {
		for _, e := range r.measured() {
			if e.Dialect != b.dialect {
				continue
			}
			v := verdict{bar: b, engine: e}
			series := of(r.Singles, e.Name, "")
			if !b.single {
				series = of(r.Batches, e.Name, b.cases[0])
			}
			v.lib = contest.Best(series, named(b.name, b.driver))
			v.other = contest.Best(series, b.keep)
			v.hand = contest.Best(series, isByHand)
			all = append(all, v)
		}
	}
	return all
}

func (v verdict) measured() bool { return v.lib != nil && v.other != nil }

// share is our WAL as a share of the other's.
func (v verdict) share() float64 {
	if v.other.WAL() <= 0 {
		return 0
	}
	return v.lib.WAL() / v.other.WAL()
}

// ratio is what is printed and compared: two decimals, and never rounded up to a bar.
func (v verdict) ratio() float64 { return math.Floor(v.lib.Faster(v.other)*100+1e-9) / 100 }

func (v verdict) reached() bool {
	if v.bar.wal > 0 && v.share() > v.bar.wal {
		return false
	}
	return v.ratio() >= v.bar.least
}

func (v verdict) row() []string {
	what := v.engine.Title() + ", single row"
	if !v.bar.single {
		what = v.engine.Title() + ", " + v.bar.cases[0]
	}
	lib := (contest.Way{Name: v.bar.name, Driver: v.bar.driver}).String()
	least := fmt.Sprintf("%.2f ×", v.bar.least)
	if v.bar.wal > 0 {
		least += fmt.Sprintf(", WAL %.0f %%", v.bar.wal*100)
	}
	if !v.measured() {
		return []string{what, lib, v.bar.against, least, "not measured", "", ""}
	}
	got := fmt.Sprintf("%.2f ×", v.ratio())
	if v.bar.wal > 0 {
		got += fmt.Sprintf(", WAL %.2f %%", v.share()*100)
	}
	hand := ""
	if v.hand != nil && v.hand != v.other {
		hand = fmt.Sprintf("%.2f × %s", v.lib.Faster(v.hand), v.hand.Way)
	}
	against := v.bar.against
	if v.other.Way.Name != v.bar.against {
		against += ": " + v.other.Way.String()
	}
	return []string{what, v.lib.Way.String(), against, least, got, map[bool]string{true: "reached", false: "**missed**"}[v.reached()], hand}
}
