package keys

import (
	"context"
	"database/sql"

	"github.com/jmoiron/sqlx"
)

// What follows is *sqlx.Tx's, with an eye on the errors, and with the placeholders of the store's database also where the
// transaction came as a *sql.Tx.

// DriverName returns that of the store's *sqlx.DB.
func (tx *Tx) DriverName() string { return tx.store.db.DriverName() }

// Rebind is that of *sqlx.Tx.
func (tx *Tx) Rebind(query string) string { return sqlx.Rebind(sqlx.BindType(tx.DriverName()), query) }

// BindNamed is that of *sqlx.Tx.
func (tx *Tx) BindNamed(query string, arg any) (string, []any, error) {
	return sqlx.BindNamed(sqlx.BindType(tx.DriverName()), query, arg)
}

// Exec is that of *sqlx.Tx.
func (tx *Tx) Exec(query string, args ...any) (sql.Result, error) {
	return tx.ExecContext(context.Background(), query, args...)
}

// ExecContext is that of *sqlx.Tx.
func (tx *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := tx.UpsertClaim(); err != nil {
		return nil, err
	}
	res, err := tx.Tx.ExecContext(ctx, query, args...)
	return res, tx.saw(err)
}

// MustExec is that of *sqlx.Tx.
func (tx *Tx) MustExec(query string, args ...any) sql.Result {
	return sqlx.MustExec(tx, query, args...)
}

// MustExecContext is that of *sqlx.Tx.
func (tx *Tx) MustExecContext(ctx context.Context, query string, args ...any) sql.Result {
	return sqlx.MustExecContext(ctx, tx, query, args...)
}

// NamedExec is that of *sqlx.Tx.
func (tx *Tx) NamedExec(query string, arg any) (sql.Result, error) {
	return sqlx.NamedExec(tx, query, arg)
}

// NamedExecContext is that of *sqlx.Tx.
func (tx *Tx) NamedExecContext(ctx context.Context, query string, arg any) (sql.Result, error) {
	return sqlx.NamedExecContext(ctx, tx, query, arg)
}

// NamedQuery is that of *sqlx.Tx.
func (tx *Tx) NamedQuery(query string, arg any) (*sqlx.Rows, error) {
	return sqlx.NamedQuery(tx, query, arg)
}

// Query is that of *sqlx.Tx.
func (tx *Tx) Query(query string, args ...any) (*sql.Rows, error) {
	return tx.QueryContext(context.Background(), query, args...)
}

// QueryContext is that of *sqlx.Tx.
func (tx *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := tx.UpsertClaim(); err != nil {
		return nil, err
	}
	rows, err := tx.Tx.QueryContext(ctx, query, args...)
	tx.rows.add(rows)
	return rows, tx.saw(err)
}

// Queryx is that of *sqlx.Tx.
func (tx *Tx) Queryx(query string, args ...any) (*sqlx.Rows, error) {
	return tx.QueryxContext(context.Background(), query, args...)
}

// QueryxContext is that of *sqlx.Tx.
func (tx *Tx) QueryxContext(ctx context.Context, query string, args ...any) (*sqlx.Rows, error) {
	if err := tx.UpsertClaim(); err != nil {
		return nil, err
	}
	rows, err := tx.Tx.QueryxContext(ctx, query, args...)
	if rows != nil {
		tx.rows.add(rows.Rows)
	}
	return rows, tx.saw(err)
}

// Get is that of *sqlx.Tx.
func (tx *Tx) Get(dest any, query string, args ...any) error {
	return tx.GetContext(context.Background(), dest, query, args...)
}

// GetContext is that of *sqlx.Tx.
func (tx *Tx) GetContext(ctx context.Context, dest any, query string, args ...any) error {
	if err := tx.UpsertClaim(); err != nil {
		return err
	}
	return tx.saw(tx.Tx.GetContext(ctx, dest, query, args...))
}

// Select is that of *sqlx.Tx.
func (tx *Tx) Select(dest any, query string, args ...any) error {
	return tx.SelectContext(context.Background(), dest, query, args...)
}

// SelectContext is that of *sqlx.Tx.
func (tx *Tx) SelectContext(ctx context.Context, dest any, query string, args ...any) error {
	if err := tx.UpsertClaim(); err != nil {
		return err
	}
	return tx.saw(tx.Tx.SelectContext(ctx, dest, query, args...))
}

// QueryRow is that of *sqlx.Tx.
func (tx *Tx) QueryRow(query string, args ...any) *sql.Row {
	return tx.QueryRowContext(context.Background(), query, args...)
}

// QueryRowContext is that of *sqlx.Tx.
func (tx *Tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	row := tx.Tx.QueryRowContext(tx.refusing(ctx), query, args...)
	_ = tx.saw(row.Err())
	return row
}

// QueryRowx is that of *sqlx.Tx.
func (tx *Tx) QueryRowx(query string, args ...any) *sqlx.Row {
	return tx.QueryRowxContext(context.Background(), query, args...)
}

// QueryRowxContext is that of *sqlx.Tx.
func (tx *Tx) QueryRowxContext(ctx context.Context, query string, args ...any) *sqlx.Row {
	row := tx.Tx.QueryRowxContext(tx.refusing(ctx), query, args...)
	_ = tx.saw(row.Err())
	return row
}

// refusing returns a context that has ended if the claim has: a row can carry no other error.
func (tx *Tx) refusing(ctx context.Context) context.Context {
	if err := tx.UpsertClaim(); err != nil {
		var end context.CancelCauseFunc
		ctx, end = context.WithCancelCause(ctx)
		end(err)
	}
	return ctx
}
