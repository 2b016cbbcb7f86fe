package faults_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/faults"
)

var moments = []faults.Moment{faults.Before, faults.After}

func TestPointsAreWhatIsSent(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		points, _ := cleanPoints(t, e)
		var kinds []string
		for _, p := range points {
			kinds = append(kinds, string(p.Kind))
		}
		want := "connect begin exec exec prepare exec query commit"
		if e.Dialect() == "mariadb" || e.Dialect() == "mysql" {
			want = "connect begin exec prepare exec prepare exec query commit" // a statement with parameters is prepared
		}
		if got := strings.Join(kinds, " "); got != want {
			t.Errorf("points: %s\nwant    %s", got, want)
		}
	})
}

// TestWireIsTheSameWithoutTheWrapper checks that the wrapper does not change the messages that a driver sends.
func TestWireIsTheSameWithoutTheWrapper(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		if e.Dialect() == "sqlite" {
			return // SQLite has no wire
		}
		sent := func(wrapped bool) string {
			ns, _ := table(t, e)
			proxy := faults.NewProxy(t, ns)
			db := faults.OpenDSN(t, faults.DriverName(ns), proxy.DSN(), nil).DB
			if !wrapped {
				db = plain(t, faults.DriverName(ns), proxy.DSN())
			}
			if err := work(t.Context(), db); err != nil {
				t.Fatal(err)
			}
			var texts []string
			for _, r := range proxy.Requests() {
				if !strings.HasSuffix(r.Text, "pg_backend_pid()") && !strings.HasSuffix(r.Text, "CONNECTION_ID()") {
					texts = append(texts, fmt.Sprint(r.Kind, " ", r.Text))
				}
			}
			return strings.Join(texts, "\n")
		}
		if with, without := sent(true), sent(false); with != without {
			t.Errorf("with the wrapper:\n%s\nwithout:\n%s", with, without)
		}
	})
}

func TestKilledSession(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		points, commit := cleanPoints(t, e)
		for _, at := range points {
			for _, m := range moments {
				ns, rows := table(t, e)
				trap := faults.At(at.Index, m, (*faults.Point).KillSession)
				err := work(t.Context(), faults.Open(t, ns, trap.Hook).DB)
				// Before the first statement, database/sql can use another connection.
				fresh := at.Kind == faults.Connect || at.Kind == faults.Begin && m == faults.Before
				want := committed(at.Index, commit, m)
				if got := rows(); !trap.Sprung() || (err == nil) != (got == inserts) || got != want && !fresh {
					t.Errorf("killed %v %v: sprung %v, %v, %d rows; want %d", m, &at, trap.Sprung(), err, got, want)
				}
			}
		}
	})
}

func TestCutConnection(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		points, commit := cleanPoints(t, e)
		for _, at := range points {
			for _, m := range moments {
				ns, rows := table(t, e)
				trap := faults.At(at.Index, m, faults.Cut)
				err := work(t.Context(), faults.Open(t, ns, trap.Hook).DB)
				fresh := at.Kind == faults.Connect || at.Kind == faults.Begin
				want := committed(at.Index, commit, m)
				if fresh {
					want = inserts
				}
				if got := rows(); !trap.Sprung() || got != want || fresh == errors.Is(err, driver.ErrBadConn) {
					t.Errorf("cut %v %v: sprung %v, %v, %d rows; want %d and a bad connection", m, &at, trap.Sprung(), err, got, want)
				}
			}
		}
	})
}

func TestHookSeesTheServersError(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		var seen []error
		db := faults.Open(t, e.Namespace(t), func(p *faults.Point) error {
			if p.Moment == faults.After && p.Text != "" {
				seen = append(seen, p.Err)
			}
			return nil
		})
		_, err := db.ExecContext(context.Background(), "INSERT INTO nowhere VALUES (1)")
		if err == nil || len(seen) != 1 || !errors.Is(err, seen[0]) {
			t.Errorf("the hook saw %v; want the caller's error: %v", seen, err)
		}
	})
}
