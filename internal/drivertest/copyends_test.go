package drivertest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/pgxcopy"
)

// called returns the error or the panic value of f. It fails the test if f does not return.
func (p *place) called(what string, f func() error) error {
	p.Helper()
	done := make(chan error, 1)
	go func() {
		err := errors.New("its goroutine was ended")
		defer func() {
			if panicked := recover(); panicked != nil {
				err = fmt.Errorf("panicked: %v", panicked)
			}
			done <- err
		}()
		err = f()
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(time.Minute):
		p.Fatalf("%s has not come back after a minute", what)
		return nil
	}
}

// TestCopyThroughThatPanics checks that the connection stays usable if a copy function panics or ends its goroutine. In that
// case database/sql would close the connection and wait for the transaction on this connection.
func TestCopyThroughThatPanics(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(){"panicked: gone": func() { panic("gone") }, "ended its goroutine": runtime.Goexit} {
		for when, before := range map[string]int{"before the rows": 0, "among the rows": 100000} {
			t.Run(name+" "+when, func(t *testing.T) {
				t.Parallel()
				each(t, pgxServers, func(p *place) {
					tab := p.table(upsert.CopyThrough(func(ctx context.Context, conn any, query string, rows io.Reader) error {
						if before > 0 {
							if err := pgxcopy.From(ctx, conn, query, io.LimitReader(rows, int64(before))); err != nil {
								p.Logf("the first of the rows: %v", err)
							}
						}
						end()
						return nil
					}))
					conn, usable := p.conn(p.db.DB)
					for handle, db := range map[string]upsert.DB{"pool": p.db, "conn": conn} {
						err := p.called("PutAll on a "+handle, func() error {
							_, err := tab.PutAll(p.Context(), db, things(120000))
							return err
						})
						if err == nil || !strings.Contains(err.Error(), name) {
							p.Errorf("PutAll on a %s: %v, want an error that says %q", handle, err, name)
						}
						p.wantRows(2)
					}
					usable()
					p.put(p.table(throughPgx), p.db, things(3000), upsert.Result{Inserted: 3000})
				})
			})
		}
	}
}

// TestPgxCopyPartThatFails checks that a batch ends if its first part fails while the next part is being written.
func TestPgxCopyPartThatFails(t *testing.T) {
	t.Parallel()
	each(t, pgxServers, func(p *place) {
		p.must(p.db, "ALTER TABLE t ADD CHECK (v <> 7)")
		tab := p.table(throughPgx, upsert.Via(upsert.Copy))
		rows := make([]thing, 150000)
		for i := range rows {
			rows[i] = thing{fmt.Sprintf("a long text %8d", i), value(i)}
		}
		err := p.called("PutAll", func() error {
			_, err := tab.PutAll(p.Context(), p.db, rows)
			return err
		})
		var at *upsert.RowError
		if !errors.As(err, &at) || at.Row != 7 || dialect.SQLState(err) != "23514" {
			p.Errorf("PutAll: %v, want the error of row 7", err)
		}
		p.wantRows(2)
	})
}
