// Package peer has the ways of writing rows that are measured: the library's, other libraries', by hand, and the server's own.
package peer

import (
	"context"
	"fmt"

	"github.com/goupsert/upsert/bench/internal/contest"
	"github.com/goupsert/upsert/bench/internal/place"
	"github.com/goupsert/upsert/bench/internal/row"
)

// Write writes rows: a batch in one transaction, or single rows with a statement each.
type Write[R any] func(ctx context.Context, rows []R) error

// Peer is a way of writing rows of type R.
type Peer[R any] struct {
	Way  contest.Way
	Open func(ctx context.Context, p *place.Place) (Write[R], error)
}

// The drivers, as the report has them.
const (
	libPQ   = "lib/pq"
	pgx     = "pgx"
	sqlite3 = "go-sqlite3"
	mySQL   = "go-sql-driver"
)

// driverName is the name database/sql knows the driver by.
func driverName(driver string) string {
	return map[string]string{libPQ: "postgres", pgx: "pgx", sqlite3: "sqlite3", mySQL: "mysql"}[driver]
}

// Driver is the driver of an engine's dialect that most ways are measured with.
func Driver(dialect string) string {
	return map[string]string{"sqlite": sqlite3, "postgres": libPQ, "mariadb": mySQL, "mysql": mySQL}[dialect]
}

// Batches are the ways of writing a batch in one transaction.
func Batches[R any](dialect string, s *row.Shape[R]) []Peer[R] {
	var all []Peer[R]
	for _, group := range [][]Peer[R]{
		libraryBatches[R](dialect), handBatches(dialect, s), gormBatches[R](dialect), bunBatches(dialect, s), sqlxBatches(dialect, s),
		goquBatches(dialect, s), {limit(dialect, s)},
	} {
		all = append(all, group...)
	}
	return all
}

// Singles are the ways of writing rows one by one, a statement each, each committed.
func Singles[R any](dialect string, s *row.Shape[R]) []Peer[R] {
	var all []Peer[R]
	for _, group := range [][]Peer[R]{
		librarySingles[R](dialect), handSingles(dialect, s), gormSingles[R](dialect), bunSingles(dialect, s), sqlxSingles(dialect, s),
	} {
		all = append(all, group...)
	}
	return all
}

// Entries opens ways of writing rows.
func Entries[R any](ctx context.Context, p *place.Place, peers []Peer[R], rows []R) ([]contest.Entry, error) {
	var all []contest.Entry
	for _, peer := range peers {
		write, err := peer.Open(ctx, p)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", p.Engine, peer.Way, err)
		}
		all = append(all, contest.Entry{Way: peer.Way, Write: func(ctx context.Context) error { return write(ctx, rows) }})
	}
	return all, nil
}

// chunks calls f with n rows at a time.
func chunks[R any](rows []R, n int, f func([]R) error) error {
	for len(rows) > 0 {
		part := rows[:min(n, len(rows))]
		rows = rows[len(part):]
		if err := f(part); err != nil {
			return err
		}
	}
	return nil
}
