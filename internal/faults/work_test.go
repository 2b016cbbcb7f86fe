package faults_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/jmoiron/sqlx"
)

const inserts = 3

// work inserts rows in one transaction: with a text, with a parameter and with a prepared statement.
func work(ctx context.Context, db *sqlx.DB) (err error) {
	tx, err := db.BeginTxx(ctx, &sql.TxOptions{Isolation: isolation(db)})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback()
		}
	}()
	if _, err := tx.ExecContext(ctx, "INSERT INTO effects VALUES (1)"); err != nil {
		return err
	}
	insert := tx.Rebind("INSERT INTO effects VALUES (?)")
	if _, err := tx.ExecContext(ctx, insert, 2); err != nil {
		return err
	}
	stmt, err := tx.PrepareContext(ctx, insert)
	if err != nil {
		return err
	}
	_, err = stmt.ExecContext(ctx, 3)
	if err := errors.Join(err, stmt.Close()); err != nil {
		return err
	}
	var n int
	if err := tx.GetContext(ctx, &n, "SELECT COUNT(*) FROM effects"); err != nil {
		return err
	}
	if n != inserts {
		return errors.New("the transaction does not see its own rows")
	}
	return tx.Commit()
}

func isolation(db *sqlx.DB) sql.IsolationLevel {
	if db.DriverName() == "sqlite3" {
		return sql.LevelDefault
	}
	return sql.LevelSerializable
}

// table returns a namespace with an empty table, and a function that counts the rows of the table.
func table(t *testing.T, e *engine.Engine) (ns *engine.Namespace, rows func() int) {
	t.Helper()
	ns = e.Namespace(t)
	db := ns.DB()
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE effects (n INT)"); err != nil {
		t.Fatal(err)
	}
	return ns, func() (n int) {
		t.Helper()
		if err := db.GetContext(t.Context(), &n, "SELECT COUNT(*) FROM effects"); err != nil {
			t.Fatal(err)
		}
		return n
	}
}

// cleanPoints returns the points of a run without a fault, and the index of the commit.
func cleanPoints(t *testing.T, e *engine.Engine) (points []faults.Point, commit int) {
	t.Helper()
	ns, rows := table(t, e)
	db := faults.Open(t, ns, nil)
	if err := work(t.Context(), db.DB); err != nil || rows() != inserts {
		t.Fatalf("a clean run: %v, %d rows; want nil, %d", err, rows(), inserts)
	}
	points = db.Points()
	last := points[len(points)-1]
	if last.Kind != faults.Commit {
		t.Fatalf("the last point is %v; want the commit", &last)
	}
	return points, last.Index
}

// committed returns how many rows are stored if the work stops at a point forever.
func committed(index, commit int, m faults.Moment) int {
	if index < commit || index == commit && m == faults.Before {
		return 0
	}
	return inserts
}
