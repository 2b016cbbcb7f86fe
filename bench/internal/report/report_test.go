package report_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/goupsert/upsert/bench/internal/contest"
	"github.com/goupsert/upsert/bench/internal/memory"
	"github.com/goupsert/upsert/bench/internal/report"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// series is one that took so many milliseconds, twice as many in its slowest run.
func series(way contest.Way, engine, benchCase string, rows, ms int, wal int64) *contest.Series {
	s := &contest.Series{Way: way, Engine: engine, Case: benchCase, Shape: "8 columns", Rows: rows}
	for _, factor := range []int{1, 1, 2} {
		took := time.Duration(ms*factor) * time.Millisecond
		s.Runs = append(s.Runs, contest.Run{Took: took, Mallocs: uint64(3 * rows), WAL: wal})
	}
	return s
}

func way(name, driver string, kind contest.Kind) contest.Way {
	return contest.Way{Name: name, Driver: driver, Kind: kind, How: "How " + name + " is used."}
}

// made are results with every part in them: of PostgreSQL all bars that they are about are reached, of SQLite none.
func made() *report.Results {
	r := &report.Results{
		Date: time.Date(2026, 5, 17, 12, 0, 0, 0, time.UTC), Took: 90 * time.Second, Rows: 40_000, Rounds: 3,
		Machine:  report.Machine{CPU: "A processor", Cores: 2, Memory: "24 GiB", OS: "An OS linux/amd64", Go: "go1.26.8"},
		Versions: []report.Version{{Module: "gorm.io/gorm", Version: "v1.31.2"}},
		Engines: []report.Engine{
			{Name: "sqlite", Dialect: "sqlite", Version: "SQLite 3.54.1", Settings: []string{"journal_mode = wal", "synchronous = NORMAL"}},
			{Name: "postgres", Dialect: "postgres", Version: "PostgreSQL 15.18", Settings: []string{"fsync = off"}},
			{Name: "mysql57", Dialect: "mysql", Version: "5.7.29 (Server)", Settings: []string{"log_bin = 0"}, Rounds: 2},
			{Name: "mysql", Dialect: "mysql", Missing: "UPSERT_MYSQL_DSN is not set"},
		},
		Memory: []memory.Usage{{Engine: "postgres", Way: "lib/pq", Rows: 10_000, Before: 20 << 20, Peak: 24 << 20, Took: 100 * time.Millisecond}},
	}
	r.Told = []*contest.Series{
		series(way("upsert", "go-sql-driver", contest.Library), "mysql57", "half", 10_000, 50, -1),
		series(way("upsert, Outcomes", "go-sql-driver", contest.Library), "mysql57", "half", 10_000, 1000, -1),
		series(way("by hand, RowsAffected", "go-sql-driver", contest.ByHand), "mysql57", "half", 10_000, 800, -1),
	}
	for _, e := range []struct {
		name, driver string
		lib          int
		wal          int64
	}{{"sqlite", "go-sqlite3", 100, -1}, {"postgres", "lib/pq", 20, 6000}} {
		for _, c := range []string{"half", "replay"} {
			log := func(n int64) int64 {
				if e.wal < 0 {
					return -1
				}
				return n
			}
			r.Batches = append(r.Batches,
				series(way("upsert", e.driver, contest.Library), e.name, c, 40_000, e.lib, e.wal),
				series(way("by hand, prepared VALUES", e.driver, contest.ByHand), e.name, c, 40_000, 80, log(20_000_000)),
				series(way("GORM", "pgx", contest.Peer), e.name, c, 40_000, 100, log(20_000_000)),
				series(way("bun", "pgx", contest.Peer), e.name, c, 40_000, 120, log(20_000_000)),
				series(way("server-side limit", "", contest.Limit), e.name, c, 40_000, 16, log(20_000_000)))
		}
		r.Singles = append(r.Singles,
			series(way("upsert, Prepare", e.driver, contest.Library), e.name, "single", 1000, 4*e.lib, e.wal),
			series(way("upsert, Put", e.driver, contest.Library), e.name, "single", 1000, 5*e.lib, e.wal),
			series(way("by hand, prepared", e.driver, contest.ByHand), e.name, "single", 1000, 76, e.wal),
			series(way("GORM, as it comes", "pgx", contest.Peer), e.name, "single", 1000, 300, e.wal),
			series(way("GORM, tuned", "pgx", contest.Peer), e.name, "single", 1000, 200, e.wal))
		r.Breadth = append(r.Breadth,
			series(way("upsert", e.driver, contest.Library), e.name, "half", 10_000, e.lib, e.wal),
			series(way("by hand, prepared VALUES", e.driver, contest.ByHand), e.name, "half", 10_000, 80, e.wal),
			series(way("GORM", "pgx", contest.Peer), e.name, "half", 10_000, 100, e.wal))
		r.Told = append(r.Told,
			series(way("upsert", e.driver, contest.Library), e.name, "half", 10_000, e.lib, e.wal),
			series(way("upsert, Outcomes", e.driver, contest.Library), e.name, "half", 10_000, 2*e.lib, e.wal))
		for _, n := range []int{1, 1000} {
			r.Curve = append(r.Curve, series(way("upsert", e.driver, contest.Library), e.name, "curve", n, e.lib, -1))
		}
	}
	return r
}

func TestGolden(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	if err := made().Write(&got); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "report.md")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the report is not the report in %s (-update rewrites it):\n%s", golden, got.Bytes())
	}
}

func TestAReportOfNothing(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	r := &report.Results{Engines: []report.Engine{{Name: "mysql", Missing: "no server"}}}
	if err := r.Write(&got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(got.Bytes(), []byte("- **mysql**: not run: no server\n")) {
		t.Errorf("the report does not say what was not run:\n%s", got.Bytes())
	}
}
