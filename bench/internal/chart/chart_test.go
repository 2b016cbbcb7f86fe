package chart_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/goupsert/upsert/bench/internal/chart"
	"github.com/goupsert/upsert/bench/internal/contest"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

func made(engine, benchCase string, rows int, rate float64, way contest.Way) *contest.Series {
	return &contest.Series{
		Way: way, Engine: engine, Case: benchCase, Rows: rows,
		Runs: []contest.Run{{Took: time.Duration(float64(rows) / rate * float64(time.Second)), WAL: -1}},
	}
}

func panels() []chart.Panel {
	return []chart.Panel{{"sqlite", "SQLite"}, {"postgres", "PostgreSQL"}, {"mariadb", "MariaDB"}, {"mysql57", "MySQL 5.7"}}
}

func throughput() *chart.Picture {
	var all []*contest.Series
	for i, e := range []string{"sqlite", "postgres", "mariadb", "mysql57"} {
		for j, c := range []string{"fresh", "half", "replay"} {
			base := float64(600_000 / (1 + 2*i) * (j + 1))
			for k, w := range []contest.Way{
				{Name: "upsert", Driver: "lib/pq"}, {Name: "upsert", Driver: "pgx"}, {Name: "upsert, LOAD DATA"}, {Name: "by hand", Kind: contest.ByHand},
				{Name: "GORM", Kind: contest.Peer}, {Name: "bun", Kind: contest.Peer}, {Name: "sqlx", Kind: contest.Peer},
				{Name: "goqu", Kind: contest.Peer}, {Name: "limit", Kind: contest.Limit},
			} {
				all = append(all, made(e, c, 40000, base/float64(k+1), w))
			}
		}
	}
	return chart.Throughput(panels(), all, []string{"fresh", "half", "replay"})
}

func curve() *chart.Picture {
	var all []*contest.Series
	for i, e := range []string{"sqlite", "postgres", "mariadb", "mysql57"} {
		for n, rate := 1, 4000.0/float64(i+1); n <= 1_000_000; n, rate = n*10, rate*2.2 {
			all = append(all, made(e, "fresh", n, rate, contest.Way{Name: "upsert"}))
			all = append(all, made(e, "fresh", n, rate/1.7, contest.Way{Name: "GORM", Kind: contest.Peer}))
		}
	}
	return chart.Curve(panels(), all)
}

func TestPicturesNameWhatTheyShow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		picture *chart.Picture
		words   []string
	}{
		"throughput": {throughput(), []string{"SQLite", "PostgreSQL", "MariaDB", "MySQL 5.7", "fresh", "half", "replay", "GORM", "server-side limit", "600k", "1.8M"}},
		"curve":      {curve(), []string{"PostgreSQL, GORM", "MySQL 5.7, upsert", "µs a row", "1M", "100k"}},
	} {
		var b bytes.Buffer
		if err := c.picture.SVG(&b); err != nil {
			t.Fatal(err)
		}
		for _, word := range c.words {
			if !bytes.Contains(b.Bytes(), []byte(">"+word+"<")) {
				t.Errorf("%s.svg has no text %q", name, word)
			}
		}
		if !bytes.Contains(b.Bytes(), []byte("sans-serif")) {
			t.Errorf("%s.svg has no font for those who lack its own", name)
		}
	}
}

// TestPNG writes the pictures for a person to look at, if UPSERT_BENCH_PNG names a folder.
func TestPNG(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("UPSERT_BENCH_PNG")
	if dir == "" {
		dir = t.TempDir()
	}
	for name, p := range map[string]*chart.Picture{"throughput": throughput(), "curve": curve()} {
		c := vgimg.New(p.Size())
		if err := p.Draw(draw.New(c)); err != nil {
			t.Fatal(err)
		}
		if r, g, b, a := c.Image().At(0, 0).RGBA(); min(r, g, b, a) != 0xffff {
			t.Errorf("%s.png has a corner that is not white", name)
		}
		var b bytes.Buffer
		if _, err := (vgimg.PngCanvas{Canvas: c}).WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".png"), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
