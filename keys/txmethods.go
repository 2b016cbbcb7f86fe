package keys

import (
	"context"
	"database/sql"

	"github.com/jmoiron/sqlx"
)

// The methods below are the methods of *sqlx.Tx. They also look at the errors: see [Tx].

// Exec is Exec of *sqlx.Tx.
func (tx *Tx) Exec(query string, args ...any) (sql.Result, error) {
	return tx.ExecContext(context.Background(), query, args...)
}

// ExecContext is ExecContext of *sqlx.Tx.
func (tx *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := tx.UpsertClaim(); err != nil {
		return nil, err
	}
	res, err := tx.Tx.ExecContext(ctx, query, args...)
	return res, tx.observe(err)
}

// MustExec is MustExec of *sqlx.Tx.
func (tx *Tx) MustExec(query string, args ...any) sql.Result {
	return sqlx.MustExec(tx, query, args...)
}

// MustExecContext is MustExecContext of *sqlx.Tx.
func (tx *Tx) MustExecContext(ctx context.Context, query string, args ...any) sql.Result {
	return sqlx.MustExecContext(ctx, tx, query, args...)
}

// NamedExec is NamedExec of *sqlx.Tx.
func (tx *Tx) NamedExec(query string, arg any) (sql.Result, error) {
	return tx.NamedExecContext(context.Background(), query, arg)
}

// NamedExecContext is NamedExecContext of *sqlx.Tx.
func (tx *Tx) NamedExecContext(ctx context.Context, query string, arg any) (sql.Result, error) {
	bound, args, err := tx.BindNamed(query, arg) // sqlx.NamedExecContext would not find the Mapper
	if err != nil {
		return nil, err
	}
	return tx.ExecContext(ctx, bound, args...)
}

// NamedQuery is NamedQuery of *sqlx.Tx.
func (tx *Tx) NamedQuery(query string, arg any) (*sqlx.Rows, error) {
	bound, args, err := tx.BindNamed(query, arg)
	if err != nil {
		return nil, err
	}
	return tx.Queryx(bound, args...)
}

// Query is Query of *sqlx.Tx.
func (tx *Tx) Query(query string, args ...any) (*sql.Rows, error) {
	return tx.QueryContext(context.Background(), query, args...)
}

// QueryContext is QueryContext of *sqlx.Tx.
func (tx *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := tx.UpsertClaim(); err != nil {
		return nil, err
	}
	rows, err := tx.Tx.QueryContext(ctx, query, args...)
	tx.rows.add(rows)
	return rows, tx.observe(err)
}

// Queryx is Queryx of *sqlx.Tx.
func (tx *Tx) Queryx(query string, args ...any) (*sqlx.Rows, error) {
	return tx.QueryxContext(context.Background(), query, args...)
}

// QueryxContext is QueryxContext of *sqlx.Tx.
func (tx *Tx) QueryxContext(ctx context.Context, query string, args ...any) (*sqlx.Rows, error) {
	if err := tx.UpsertClaim(); err != nil {
		return nil, err
	}
	rows, err := tx.Tx.QueryxContext(ctx, query, args...)
	if rows != nil {
		tx.rows.add(rows.Rows)
	}
	return rows, tx.observe(err)
}

// Get is Get of *sqlx.Tx.
func (tx *Tx) Get(dest any, query string, args ...any) error {
	return tx.GetContext(context.Background(), dest, query, args...)
}

// GetContext is GetContext of *sqlx.Tx.
func (tx *Tx) GetContext(ctx context.Context, dest any, query string, args ...any) error {
	if err := tx.UpsertClaim(); err != nil {
		return err
	}
	return tx.observe(tx.Tx.GetContext(ctx, dest, query, args...))
}

// Select is Select of *sqlx.Tx.
func (tx *Tx) Select(dest any, query string, args ...any) error {
	return tx.SelectContext(context.Background(), dest, query, args...)
}

// SelectContext is SelectContext of *sqlx.Tx.
func (tx *Tx) SelectContext(ctx context.Context, dest any, query string, args ...any) error {
	if err := tx.UpsertClaim(); err != nil {
		return err
	}
	return tx.observe(tx.Tx.SelectContext(ctx, dest, query, args...))
}

// QueryRow is QueryRow of *sqlx.Tx.
func (tx *Tx) QueryRow(query string, args ...any) *sql.Row {
	return tx.QueryRowContext(context.Background(), query, args...)
}

// QueryRowContext is QueryRowContext of *sqlx.Tx.
func (tx *Tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	row := tx.Tx.QueryRowContext(tx.refusing(ctx), query, args...)
	_ = tx.observe(row.Err())
	return row
}

// QueryRowx is QueryRowx of *sqlx.Tx.
func (tx *Tx) QueryRowx(query string, args ...any) *sqlx.Row {
	return tx.QueryRowxContext(context.Background(), query, args...)
}

// QueryRowxContext is QueryRowxContext of *sqlx.Tx.
func (tx *Tx) QueryRowxContext(ctx context.Context, query string, args ...any) *sqlx.Row {
	row := tx.Tx.QueryRowxContext(tx.refusing(ctx), query, args...)
	_ = tx.observe(row.Err())
	return row
}

// refusing returns a context that has ended if the claim has ended, because a row can carry no other error.
func (tx *Tx) refusing(ctx context.Context) context.Context {
	if err := tx.UpsertClaim(); err != nil {
		var end context.CancelCauseFunc
		ctx, end = context.WithCancelCause(ctx)
		end(err)
	}
	return ctx
}
