package conformance

import (
	"context"
	"database/sql"

	"github.com/goupsert/upsert"
)

// recorder records the statements that are sent. It is a handle that cannot begin a transaction.
type recorder struct {
	upsert.DB
	sent []string
	args []any // the arguments of the last statement
}

func (r *recorder) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	r.sent, r.args = append(r.sent, query), args
	return r.DB.ExecContext(ctx, query, args...)
}

func (r *recorder) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	r.sent, r.args = append(r.sent, query), args
	return r.DB.QueryContext(ctx, query, args...)
}

// wantNothing fails the test if a statement was sent.
func (r *recorder) wantNothing(p *place) {
	p.Helper()
	if len(r.sent) > 0 {
		p.Errorf("%d statements were sent, want 0: %s", len(r.sent), r.sent[0])
	}
}

// claim is a transaction that holds a claimed key, as package upsert sees it.
type claim struct {
	upsert.DB
	err error
}

func (c *claim) UpsertClaim() error { return c.err }

// PrepareContext exists because a *keys.Tx has the method too.
func (c *claim) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return c.DB.(interface {
		PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	}).PrepareContext(ctx, query)
}

var _ upsert.Claim = (*claim)(nil)
