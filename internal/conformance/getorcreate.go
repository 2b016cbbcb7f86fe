package conformance

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
)

func getOrCreateBehaviours() []behaviour {
	bs := []behaviour{
		{name: "returns the stored row, whatever the rules", run: returnsStored},
		{name: "by a named target", run: createByTarget},
		{name: "leaves the row as it was after an error", run: createError},
		{name: "has one maker among many callers", run: oneMaker},
	}
	return append(bs,
		behaviour{name: "has one maker at every isolation level of its own", run: oneMakerOwned},
		behaviour{name: "has one maker at every isolation level of the caller's", run: oneMakerInTx},
	)
}

func returnsStored(p *place) {
	createCustomers(p)
	tab := table[customer](p, "customers")
	first := customer{Email: "a", Version: 2, N: 5}
	created, err := tab.GetOrCreate(p.ctx, p.db, &first)
	if err != nil || !created {
		p.Fatalf("GetOrCreate = %v, %v; want true", created, err)
	}
	if first.ID == 0 || first.Twice != 10 || first.Made.Year() != 2026 {
		p.Errorf("the created row is %s, want the values that the database generated", show(first))
	}
	for _, row := range []customer{{Email: "a", Version: 9, N: 6}, {Email: "a", Version: 1, ID: -1}} {
		created, err := tab.GetOrCreate(p.ctx, p.db, &row)
		if err != nil || created {
			p.Fatalf("GetOrCreate = %v, %v; want false", created, err)
		}
		wantSame(p, "the row found", row, first)
	}
	p.wantCount("customers", 1)
}

func createByTarget(p *place) {
	p.create("users", userColumns)
	tab := table[user](p, "users", upsert.Target("email"))
	row := user{ID: 1, Email: "a", Name: "first"}
	if created, err := tab.GetOrCreate(p.ctx, p.db, &row); err != nil || !created {
		p.Fatalf("GetOrCreate = %v, %v; want true", created, err)
	}
	again := user{ID: 2, Email: "a", Name: "second", Note: ptr("x")}
	if created, err := tab.GetOrCreate(p.ctx, p.db, &again); err != nil || created {
		p.Fatalf("GetOrCreate = %v, %v; want false", created, err)
	}
	wantSame(p, "the row found", again, user{1, "a", "first", nil})
}

func createError(p *place) {
	p.createChecked()
	tab := table[checked](p, "t")
	row := checked{1, -1}
	if created, err := tab.GetOrCreate(p.ctx, p.db, &row); err == nil || created {
		p.Errorf("GetOrCreate of a row that a CHECK refuses = %v, %v; want an error", created, err)
	} else {
		wantFailure(p, "GetOrCreate", err)
	}
	wantSame(p, "the row", row, checked{1, -1})
	p.wantCount("t", 0)
}

const callers = 32

// call is the GetOrCreate of one caller. Its result is committed unless call returns an error.
type call func(n int, tab *upsert.Table[settings], row *settings) (created bool, err error)

// wantOneMaker runs the callers concurrently. Each caller has a different row with the same key. Exactly one caller must create
// the row.
func wantOneMaker(p *place, key int64, do call) {
	p.Helper()
	tab := table[settings](p, "settings")
	var makers atomic.Int64
	var all sync.WaitGroup
	rows := make([]settings, callers)
	for n := range callers {
		rows[n] = settings{ID: key, V: fmt.Sprint(n)}
		all.Go(func() {
			created, err := do(n, tab, &rows[n])
			if err != nil {
				p.Errorf("caller %d: %v", n, err)
			}
			if created {
				makers.Add(1)
				if rows[n].V != fmt.Sprint(n) {
					p.Errorf("caller %d created the row but got the row of caller %s", n, rows[n].V)
				}
			}
		})
	}
	all.Wait()
	if m := makers.Load(); m != 1 {
		p.Errorf("%d of %d callers created the row, want 1", m, callers)
	}
	stored := get[settings](p, "SELECT * FROM settings WHERE id = ?", key)
	for n, row := range rows {
		wantSame(p, fmt.Sprint("the row of caller ", n), row, stored)
	}
	wantSame(p, "the DEFAULT of the stored row", stored.Theme, "light")
}

func oneMaker(p *place) {
	createSettings(p)
	for key := range int64(5) {
		wantOneMaker(p, key, func(_ int, tab *upsert.Table[settings], row *settings) (bool, error) {
			return tab.GetOrCreate(p.ctx, p.db, row)
		})
	}
}

// levels returns the isolation levels of the database.
func (p *place) levels() []sql.IsolationLevel {
	if p.sqlite() {
		return []sql.IsolationLevel{sql.LevelDefault}
	}
	return []sql.IsolationLevel{sql.LevelReadUncommitted, sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable}
}

// oneMakerOwned lets the library open its own transactions, which have the session's isolation level. The library retries every
// retryable error.
func oneMakerOwned(p *place) {
	createSettings(p)
	for key, level := range p.levels() {
		p.on(level.String(), func(p *place) {
			set := p.pick("SELECT 1", "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL "+level.String(), "SET SESSION TRANSACTION ISOLATION LEVEL "+level.String())
			wantOneMaker(p, int64(key), func(_ int, tab *upsert.Table[settings], row *settings) (bool, error) {
				conn, err := p.db.Conn(p.ctx)
				if err != nil {
					return false, err
				}
				defer conn.Close() //nolint:errcheck // an error would have shown earlier
				if _, err := conn.ExecContext(p.ctx, set); err != nil {
					return false, err
				}
				return tab.GetOrCreate(p.ctx, conn, row)
			})
		})
	}
}

// oneMakerInTx lets each caller read the table first, so the caller's snapshot is older than the row. The caller must retry after
// a serialization failure.
func oneMakerInTx(p *place) {
	createSettings(p)
	for key, level := range p.levels() {
		p.on(level.String(), func(p *place) {
			var looked sync.WaitGroup
			looked.Add(callers)
			wantOneMaker(p, int64(key), func(_ int, tab *upsert.Table[settings], row *settings) (created bool, err error) {
				look := func() {
					looked.Done()
					looked.Wait()
				}
				for range 100 {
					created, err = createInTx(p, level, tab, row, look)
					if c := dialect.Classify(err); c != dialect.Retryable && c != dialect.LockTimeout {
						break
					}
					look = nil // SQLite does not wait for a lock in a transaction that has read
				}
				return created, err
			})
		})
	}
}

func createInTx(p *place, level sql.IsolationLevel, tab *upsert.Table[settings], row *settings, look func()) (created bool, err error) {
	ctx := context.WithoutCancel(p.ctx)
	tx, err := p.db.BeginTx(ctx, &sql.TxOptions{Isolation: level})
	if err != nil {
		if look != nil {
			look()
		}
		return false, err
	}
	defer tx.Rollback() //nolint:errcheck // it fails after a commit
	if look != nil {
		err = tx.QueryRowContext(ctx, "SELECT count(*) FROM settings").Scan(new(int))
		look()
	}
	if err != nil {
		return false, err
	}
	if created, err = tab.GetOrCreate(ctx, tx, row); err != nil {
		return false, err
	}
	return created, tx.Commit()
}
