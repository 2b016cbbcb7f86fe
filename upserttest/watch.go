package upserttest

import (
	"context"
	"database/sql"
)

// watch notices any change of a database, for [Quiet].
type watch struct {
	world  *world
	before snapshot
	conn   *sql.Conn // SQLite: sees whether others have changed the file
	writes string
}

// startWatch remembers the database as it is. It does nothing without Quiet.
func startWatch(w *world, o *options) (s *watch, err error) {
	s = &watch{world: w}
	if !o.quiet {
		return s, nil
	}
	if s.before, err = w.snapshot(o); err != nil {
		return nil, err
	}
	if lite, ok := w.engine.(sqlite); ok && !lite.inMemory {
		if w.limit > 0 {
			w.pool.SetMaxOpenConns(w.limit + 1) // one to watch; the write has w.limit
		}
		if s.conn, err = w.pool.Conn(context.Background()); err != nil {
			return nil, err
		}
	}
	s.writes, err = s.countWrites()
	return s, err
}

// countWrites returns what is another text after SQLite has written anything. The other engines tell it table by table.
func (s *watch) countWrites() (string, error) {
	switch lite, ok := s.world.engine.(sqlite); {
	case !ok:
		return "", nil
	case !lite.inMemory:
		return askText(context.Background(), s.conn, "PRAGMA data_version")
	case s.world.limit == 1: // the write has the same connection
		return askText(context.Background(), s.world.pool, "SELECT total_changes()")
	}
	return "", nil
}

// changes returns what has changed since the start, in any column.
func (s *watch) changes(o *options) ([]tableDiff, error) {
	after, err := s.world.snapshot(o)
	if err != nil {
		return nil, err
	}
	diffs := differ{ignores: o.ignores, exact: true}.compare(s.before, after)
	writes, err := s.countWrites()
	if len(diffs) == 0 && writes != s.writes {
		diffs = append(diffs, tableDiff{rewrote: true, table: &table{}})
	}
	return diffs, err
}

func (s *watch) close() {
	if s.conn == nil {
		return
	}
	_ = s.conn.Close()
	if s.world.limit > 0 {
		s.world.pool.SetMaxOpenConns(s.world.limit)
	}
}
