// Package report writes what was measured for people to read.
package report

import (
	"strings"
	"time"

	"github.com/goupsert/upsert/bench/internal/contest"
	"github.com/goupsert/upsert/bench/internal/memory"
)

// Results are what one run of the program has measured.
type Results struct {
	Date     time.Time
	Took     time.Duration
	Rows     int // of a batch
	Rounds   int
	Machine  Machine
	Versions []Version
	Engines  []Engine
	Batches  []*contest.Series // in one transaction, by engine and case
	Singles  []*contest.Series // a statement each
	Breadth  []*contest.Series // other shapes of rows
	Told     []*contest.Series // outcomes asked for, and not
	Curve    []*contest.Series // numbers of rows
	Memory   []memory.Usage
}

// Engine is a database that was to be measured.
type Engine struct {
	Name     string
	Dialect  string
	Version  string
	Settings []string
	Rounds   int    // 0: as many as the run has
	Missing  string // why it was not
}

// Version is a module's version.
type Version struct{ Module, Version string }

// Machine is the machine that was measured on.
type Machine struct {
	CPU    string
	Cores  int
	Memory string
	OS     string
	Go     string
}

// Title is the engine's name for people.
func (e Engine) Title() string {
	switch e.Dialect {
	case "sqlite":
		return "SQLite"
	case "postgres":
		return "PostgreSQL"
	case "mariadb":
		return "MariaDB"
	case "mysql":
		return strings.TrimSpace("MySQL " + release(e.Version))
	}
	return e.Name
}

// release is the first two numbers of a version: 5.7 and 8.0 are as far apart as two databases.
func release(version string) string {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 3 {
		return ""
	}
	return parts[0] + "." + parts[1]
}

// titleOf is the title of the engine of that name.
func (r *Results) titleOf(name string) string {
	for _, e := range r.Engines {
		if e.Name == name {
			return e.Title()
		}
	}
	return name
}

// measured are the engines that were.
func (r *Results) measured() []Engine {
	var all []Engine
	for _, e := range r.Engines {
		if e.Missing == "" {
			all = append(all, e)
		}
	}
	return all
}

// of are the series of an engine, in a case or, if the case is empty, in all cases.
func of(all []*contest.Series, engine, benchCase string) []*contest.Series {
	var some []*contest.Series
	for _, s := range all {
		if s.Engine == engine && (benchCase == "" || s.Case == benchCase) {
			some = append(some, s)
		}
	}
	return some
}

// distinct are the values that f has, in the order they come in.
func distinct[T comparable](all []*contest.Series, f func(*contest.Series) T) []T {
	seen := map[T]bool{}
	var values []T
	for _, s := range all {
		if v := f(s); !seen[v] {
			seen[v] = true
			values = append(values, v)
		}
	}
	return values
}

func isPeer(s *contest.Series) bool   { return s.Way.Kind == contest.Peer }
func isByHand(s *contest.Series) bool { return s.Way.Kind == contest.ByHand }
func isLimit(s *contest.Series) bool  { return s.Way.Kind == contest.Limit }

// named holds for a way of that name, over that driver or, if the driver is empty, any driver.
func named(name, driver string) func(*contest.Series) bool {
	return func(s *contest.Series) bool { return s.Way.Name == name && (driver == "" || s.Way.Driver == driver) }
}
