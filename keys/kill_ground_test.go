package keys_test

import (
	"database/sql"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

// ground is the environment of the kill tests: an engine at one isolation level.
type ground struct {
	testing.TB
	ns    *engine.Namespace
	db    *sqlx.DB    // without faults
	store *keys.Store // uses db
	level sql.IsolationLevel
	first bool // this is the first of the engine's levels
	brief bool // the run is short, or nobody asked for the engine
}

// grounds runs fn on each engine and isolation level. With -short, or if nobody asked for the engine, it uses one
// level.
func grounds(t *testing.T, fn func(g *ground)) {
	t.Helper()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		levels := []sql.IsolationLevel{sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable}
		if e.Dialect() == "sqlite" {
			levels = levels[2:] // SQLite has only this level
		}
		brief := testing.Short() || !e.IsAskedFor()
		if brief {
			levels = levels[:1]
		}
		for i, level := range levels {
			t.Run(strings.ReplaceAll(level.String(), " ", ""), func(t *testing.T) {
				t.Parallel()
				g := newGround(t, e, level)
				g.first, g.brief = i == 0, brief
				fn(g)
			})
		}
	})
}

// newGround creates the tables. The table of effects has no key, so that only the library prevents a second effect.
func newGround(t *testing.T, e *engine.Engine, level sql.IsolationLevel) *ground {
	t.Helper()
	g := &ground{TB: t, ns: e.Namespace(t), level: level}
	g.db = g.ns.DB()
	g.store = openStore(t, g.db)
	if err := g.store.Migrate(t.Context()); err != nil {
		t.Fatalf("Migrate: %v", err)
	}
	if _, err := g.db.ExecContext(t.Context(), "CREATE TABLE effects (id VARCHAR(100) NOT NULL, token VARCHAR(100) NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	return g
}

// wire reports whether a network connection leads to the database.
func (g *ground) wire() bool { return g.ns.Engine().Dialect() != "sqlite" }

func openStore(t testing.TB, db *sqlx.DB) *keys.Store {
	t.Helper()
	store, err := keys.Open(t.Context(), db)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return store
}

// trapped is a pool that keeps no idle connection, so that each call begins with a new connection.
type trapped struct {
	db    *faults.DB
	store *keys.Store
	begin int // the first point of the next calls
	traps atomic.Pointer[[]*faults.Trap]
}

func (g *ground) trapped() *trapped {
	g.Helper()
	return newTrapped(g, faults.DriverName(g.ns), g.ns.DSN())
}

func newTrapped(t testing.TB, driverName, dsn string) *trapped {
	t.Helper()
	db := &trapped{}
	db.traps.Store(&[]*faults.Trap{})
	db.db = faults.OpenDSN(t, driverName, dsn, func(p *faults.Point) error {
		for _, trap := range *db.traps.Load() {
			if err := trap.Hook(p); err != nil {
				return err
			}
		}
		return nil
	})
	db.db.SetMaxIdleConns(0)
	db.store = openStore(t, db.db.DB)
	db.clear()
	return db
}

// clear restarts the count of points and removes the traps.
func (db *trapped) clear() {
	db.begin = db.db.Next()
	db.traps.Store(&[]*faults.Trap{})
}

// at sets a trap at a point of the next calls. The first point is 0.
func (db *trapped) at(index int, m faults.Moment, do faults.Hook) *faults.Trap {
	trap := faults.At(db.begin+index, m, do)
	more := append([]*faults.Trap{trap}, *db.traps.Load()...)
	db.traps.Store(&more)
	return trap
}

// points returns the points of a call without faults. The first point is 0.
func (g *ground) points(s scenario) (points []faults.Point) {
	g.Helper()
	id := string(s) + "-clean"
	g.prepare(s, id)
	db := g.trapped()
	defer db.db.Close()
	c := g.run(s, db.store, id)
	for _, p := range db.db.Points() {
		if p.Index -= db.begin; p.Index >= 0 {
			points = append(points, p)
		}
	}
	g.wantAbsorbed("a clean "+string(s), s, c, true)
	g.wantOnce("a clean "+string(s), s, id, &c, db.store)
	return points
}

// commit returns the index of the commit.
func (g *ground) commit(points []faults.Point) int {
	g.Helper()
	for _, p := range points {
		if p.Kind == faults.Commit {
			return p.Index
		}
	}
	g.Fatalf("no commit among %d points", len(points))
	return 0
}

// tokens returns the effects of an id as another connection sees them.
func (g *ground) tokens(id string) (tokens []string) {
	g.Helper()
	if err := g.db.SelectContext(g.Context(), &tokens, "SELECT token FROM effects WHERE id = '"+id+"'"); err != nil {
		g.Fatalf("effects of %s: %v", id, err)
	}
	return tokens
}
