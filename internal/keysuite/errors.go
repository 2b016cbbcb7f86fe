package keysuite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goupsert/upsert/keys"
)

func errorBehaviours() []behaviour {
	return []behaviour{
		{"of fn leave no trace and come back as they are", fnError},
		{"of a statement that fn keeps to itself", swallowed},
		{"that are retryable have Run begin again", retryable},
		{"that look like a lost connection are fn's", madeUp},
		{"of a missing table name it, and fn is not called", missingTable},
	}
}

// asIs is an error type with a field. errors.Is returns false for two values with different fields.
type asIs struct{ n int }

func (asIs) Error() string { return "as is" }

func fnError(p *place) {
	p.each(func(p *place) {
		for _, want := range []error{asIs{1}, fmt.Errorf("wrapped: %w", context.DeadlineExceeded), keys.ErrMismatch, &keys.InProgressError{Key: p.key("x")}} {
			r, replayed, err := p.call(p.store, p.key("a"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
				if err := p.effect(ctx, tx, "a"); err != nil {
					p.Error(err)
				}
				return "ignored", want
			})
			if err != want { //nolint:errorlint // the very same value
				p.Errorf("%s: error %#v, want fn's own %#v", p.verb, err, want)
			}
			if r != "" || replayed {
				p.Errorf("%s: %q, replayed %v; want no result", p.verb, r, replayed)
			}
			p.wantNoTrace("a")
		}
		p.wantPaid(p.store, "a")
	})
}

// swallowed checks an fn that ignores the error of a statement. PostgreSQL refuses further statements in that transaction, and
// the call must not report success.
func swallowed(p *place) {
	p.each(func(p *place) {
		var r string
		var err error
		f := func(ctx context.Context, tx *keys.Tx) (string, error) {
			if err := p.effect(ctx, tx, "a"); err != nil {
				p.Error(err)
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO nowhere (id) VALUES (1)"); err == nil {
				p.Error("a statement that cannot be run: no error")
			}
			return "kept quiet", nil
		}
		r, _, err = p.call(p.store, p.key("a"), none(), f)
		if p.postgres() {
			if err == nil {
				p.Error("no error, want an error")
			}
			p.wantNoTrace("a")
			return
		}
		if err != nil || r != "kept quiet" {
			p.Errorf("%q, %v; want fn's result", r, err)
		}
		p.wantEffects("a", 1)
	})
}

// conflicts makes the database return an error that a retry may solve. The error is a conflict. A writer of SQLite gets no such
// error, so there the error says that a table is being read.
func (p *place) conflicts(ctx context.Context, tx *keys.Tx) error {
	if p.sqlite() {
		rows, err := tx.QueryContext(ctx, "SELECT name FROM sqlite_master")
		if err != nil || !rows.Next() {
			return errors.Join(errors.New("no rows"), err)
		}
		defer func() { _ = rows.Close() }()
		_, err = tx.ExecContext(ctx, "DROP TABLE effects")
		return errors.Join(err, rows.Err())
	}
	_, err := tx.ExecContext(ctx, p.pick("", "DO $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '40001'; END $$",
		"SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'made up'"))
	return err
}

func retryable(p *place) {
	var attempts []int
	r, replayed, err := keys.Run(p.ctx, p.store, p.key("a"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
		attempts = append(attempts, tx.Attempt())
		if err := p.effect(ctx, tx, "a"); err != nil || tx.Attempt() == 3 {
			return "third", err
		}
		return "", fmt.Errorf("not yet: %w", p.conflicts(ctx, tx))
	})
	if err != nil || replayed || r != "third" || fmt.Sprint(attempts) != "[1 2 3]" {
		p.Errorf("Run = %q, replayed %v, %v after attempts %v; want the third one's result", r, replayed, err, attempts)
	}
	p.wantEffects("a", 1)

	var want error
	tx := p.begin(nil)
	_, _, err = keys.Once(p.ctx, p.store, tx, p.key("b"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
		if want != nil {
			p.Error("Once called fn twice")
		}
		want = errors.Join(p.effect(ctx, tx, "b"), p.conflicts(ctx, tx))
		return "", want
	})
	if err != want || want == nil { //nolint:errorlint // the very same value
		p.Errorf("Once: error %v; want fn's own %v", err, want)
	}
	if err := tx.Commit(); err == nil && !p.sqlite() {
		p.Error("a transaction that the database has ended can be committed")
	}
	p.wantNoTrace("b")
}

// madeUp checks that an fn's error about a lost connection is not retried, because another connection may have been lost.
func madeUp(p *place) {
	p.each(func(p *place) {
		for _, want := range []error{fmt.Errorf("the request's body: %w", io.ErrUnexpectedEOF), io.EOF, driver.ErrBadConn} {
			calls := 0
			_, _, err := p.call(p.store, p.key("a"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
				calls++
				if err := p.effect(ctx, tx, "a"); err != nil {
					p.Error(err)
				}
				return "", want
			})
			if err != want || calls != 1 { //nolint:errorlint // the very same value
				p.Errorf("error %v after %d calls; want fn's own error after 1 call: %v", err, calls, want)
			}
			p.wantNoTrace("a")
		}
	})
}

func missingTable(p *place) {
	s := p.open(keys.Table("elsewhere"))
	_, _, err := keys.Run(p.ctx, s, p.key("a"), none(), p.never)
	wantMissing(p, "Run", err)
	tx := p.begin(nil)
	_, _, err = keys.Once(p.ctx, s, tx, p.key("a"), none(), p.never)
	wantMissing(p, "Once", err)
	_ = tx.Rollback()
	tx = p.begin(nil)
	_, err = keys.Filter(p.ctx, s, tx, "c", []string{"a"}, strings.Clone)
	wantMissing(p, "Filter", err)
	_ = tx.Rollback()
	_, err = s.Fail(p.ctx, "c", "a", nil)
	wantMissing(p, "Fail", err)
	_, err = s.Dead(p.ctx, "c", 1)
	wantMissing(p, "Dead", err)
	_, err = s.Revive(p.ctx, "c", "a")
	wantMissing(p, "Revive", err)
	_, err = s.GC(p.ctx)
	wantMissing(p, "GC", err)
	_, err = s.Inspect(p.ctx, p.key("a"))
	wantMissing(p, "Inspect", err)
}

// wantMissing expects an error that names the table and says how to create it.
func wantMissing(p *place, what string, err error) {
	p.Helper()
	wantText(p, what, err, "elsewhere")
	wantText(p, what, err, "run Store.Migrate")
}
