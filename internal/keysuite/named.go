package keysuite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
	"github.com/jmoiron/sqlx/reflectx"
)

func namedBehaviours() []behaviour {
	return []behaviour{
		{"have the database's placeholders", namedPlaceholders},
		{"have the caller's Mapper", namedMapper},
		{"leave columns out if the caller's handle is unsafe", namedUnsafe},
		{"keep a safe transaction safe in an unsafe store", namedSafe},
		{"work with handles that sqlx has not made", namedHandmade},
		{"refuse what cannot be bound", namedUnbound},
	}
}

// driverNames returns names under which a driver may be registered: its own name, names that sqlx does not know, and names that
// sqlx takes for other databases.
func (p *place) driverNames() []string {
	return []string{p.db.DriverName(), "", "a driver with tracing", "postgres", "mysql", "sqlserver"}
}

// way is a way to call an fn.
type way struct {
	name string
	call func(id string, f fn) error
}

// ways returns all ways in which an fn can get its transaction from a pool.
func (p *place) ways(pool *sqlx.DB) (ways []way) {
	p.Helper()
	std, err := keys.Open(p.ctx, pool.DB)
	if err != nil {
		p.Fatalf("Open of a sql.DB: %v", err)
	}
	for handle, s := range map[string]*keys.Store{"sql.DB": std, "sqlx.DB": p.openOn(pool)} {
		ways = append(ways, way{"Run with a " + handle, func(id string, f fn) error {
			_, _, err := keys.Run(p.ctx, s, p.key(id), none(), f)
			return err
		}})
		ways = append(ways, p.onceWays("Once with a "+handle, pool, s)...)
	}
	return ways
}

// onceWays returns the ways with a transaction of the caller, one for each kind of transaction.
func (p *place) onceWays(name string, pool *sqlx.DB, s *keys.Store) []way {
	call := func(handleOf func(*sqlx.Tx) upsert.DB) func(string, fn) error {
		return func(id string, f fn) error {
			tx, err := pool.BeginTxx(p.ctx, nil)
			if err != nil {
				return err
			}
			_, _, err = keys.Once(p.ctx, s, handleOf(tx), p.key(id), none(), f)
			return errors.Join(err, tx.Commit())
		}
	}
	return []way{
		{name + " and a sqlx.Tx", call(func(tx *sqlx.Tx) upsert.DB { return tx })},
		{name + " and a sql.Tx", call(func(tx *sqlx.Tx) upsert.DB { return tx.Tx })},
	}
}

// openOn returns another store on the same table. Its pool has different settings.
func (p *place) openOn(pool *sqlx.DB) *keys.Store {
	p.Helper()
	s, err := keys.Open(p.ctx, pool)
	if err != nil {
		p.Fatalf("Open: %v", err)
	}
	return s
}

func namedPlaceholders(p *place) {
	for i, name := range p.driverNames() {
		for j, w := range p.ways(sqlx.NewDb(p.db.DB, name)) {
			id := fmt.Sprint(i, "-", j)
			if err := w.call(id, func(ctx context.Context, tx *keys.Tx) (string, error) { return "", p.useNames(ctx, tx, id) }); err != nil {
				p.Errorf("driver %q, %s: %v", name, w.name, err)
			}
		}
	}
}

// useNames writes an effect with each method that binds names, and reads the effects back.
func (p *place) useNames(ctx context.Context, tx *keys.Tx, id string) error {
	const insert = "INSERT INTO effects (id) VALUES (:id)"
	arg := map[string]any{"id": id}
	_, exec := tx.NamedExec(insert, arg)
	_, execContext := tx.NamedExecContext(ctx, insert, arg)
	_, function := sqlx.NamedExecContext(ctx, tx, insert, arg)
	_, embedded := tx.Tx.NamedExecContext(ctx, insert, arg)
	err := errors.Join(exec, execContext, function, embedded)
	if err != nil {
		return err
	}
	prepared, err := tx.PrepareNamedContext(ctx, insert)
	if err != nil {
		return err
	}
	_, err = prepared.ExecContext(ctx, arg)
	if err = errors.Join(err, prepared.Close()); err != nil {
		return err
	}
	bound, args, err := tx.BindNamed("SELECT COUNT(*) FROM effects WHERE id = :id", arg)
	if err != nil {
		return err
	}
	var byName, byMark int
	if err := tx.GetContext(ctx, &byName, bound, args...); err != nil {
		return err
	}
	if err := tx.GetContext(ctx, &byMark, tx.Rebind("SELECT COUNT(*) FROM effects WHERE id = ?"), id); err != nil {
		return err
	}
	found, err := namedRows[struct {
		ID string `db:"id"`
	}](tx, "SELECT id FROM effects WHERE id = :id", arg)
	if len(found) != 5 || byName != 5 || byMark != 5 {
		err = errors.Join(err, fmt.Errorf("%v found and %d and %d counted; want 5", found, byName, byMark))
	}
	return err
}

// namedRows returns the rows of NamedQuery.
func namedRows[T any](tx *keys.Tx, query string, arg any) (all []T, err error) {
	rows, err := tx.NamedQuery(query, arg)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var row T
		if err := rows.StructScan(&row); err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, errors.Join(rows.Err(), rows.Close())
}

// tagged has the tags of a custom Mapper.
type tagged struct {
	Name string `column:"id"`
}

func namedMapper(p *place) {
	for i, name := range p.driverNames() {
		pool := sqlx.NewDb(p.db.DB, name)
		pool.Mapper = reflectx.NewMapper("column")
		other := p.openOn(sqlx.NewDb(p.db.DB, name))
		ways := append(p.onceWays("Once with a store of another Mapper", pool, other)[:1], p.onceWays("Once", pool, p.openOn(pool))...)
		ways = append(ways, way{"Run", func(id string, f fn) error {
			_, _, err := keys.Run(p.ctx, p.openOn(pool), p.key(id), none(), f)
			return err
		}})
		for j, w := range ways {
			row := tagged{fmt.Sprint(i, "-", j)}
			if err := w.call(row.Name, func(ctx context.Context, tx *keys.Tx) (string, error) { return "", mapNames(ctx, tx, row) }); err != nil {
				p.Errorf("driver %q, %s: %v", name, w.name, err)
			}
		}
	}
}

// mapNames writes and reads a row with the custom Mapper.
func mapNames(ctx context.Context, tx *keys.Tx, row tagged) error {
	const insert, query = "INSERT INTO effects (id) VALUES (:id)", "SELECT id FROM effects WHERE id = :id"
	_, exec := tx.NamedExec(insert, row)
	_, execContext := tx.NamedExecContext(ctx, insert, row)
	if err := errors.Join(exec, execContext); err != nil {
		return err
	}
	found, err := namedRows[tagged](tx, query, row)
	if err != nil {
		return err
	}
	bound, args, err := tx.BindNamed(query, row)
	if err != nil {
		return err
	}
	var selected []tagged
	err = tx.SelectContext(ctx, &selected, bound, args...)
	if want := fmt.Sprint([]tagged{row, row}); fmt.Sprint(found) != want || fmt.Sprint(selected) != want {
		err = errors.Join(err, fmt.Errorf("read %v and %v; want %v", found, selected, want))
	}
	return err
}

// readMore reads a column for which its struct has no field.
func readMore(_ context.Context, tx *keys.Tx) (string, error) {
	_, err := namedRows[struct {
		ID string `db:"id"`
	}](tx, "SELECT id, id AS more FROM effects", struct{}{})
	return "", err
}

func namedUnsafe(p *place) {
	p.exec("INSERT INTO effects (id) VALUES ('a')")
	for i, name := range p.driverNames() {
		pool := sqlx.NewDb(p.db.DB, name).Unsafe()
		s, safe := p.openOn(pool), p.openOn(sqlx.NewDb(p.db.DB, name))
		for j, call := range []func(id string, f fn) error{
			func(id string, f fn) error { _, _, err := keys.Run(p.ctx, s, p.key(id), none(), f); return err },
			p.onceWays("Once", pool, s)[0].call, p.onceWays("Once", pool, s)[1].call, p.onceWays("Once with a safe store", pool, safe)[0].call,
		} {
			if err := call(fmt.Sprint(i, "-", j), readMore); err != nil {
				p.Errorf("driver %q, way %d: %v", name, j, err)
			}
		}
	}
}

func namedSafe(p *place) {
	p.exec("INSERT INTO effects (id) VALUES ('a')")
	for i, name := range p.driverNames() {
		s := p.openOn(sqlx.NewDb(p.db.DB, name).Unsafe())
		err := p.onceWays("Once", sqlx.NewDb(p.db.DB, name), s)[0].call(fmt.Sprint(i), readMore)
		if err == nil || !strings.Contains(err.Error(), "missing destination name") {
			p.Errorf("driver %q: error %v; want an error about a missing destination", name, err)
		}
	}
}

func namedHandmade(p *place) {
	pool := &sqlx.DB{DB: p.db.DB}
	s := p.openOn(pool)
	ways := append(p.ways(pool), way{"Once with a sqlx.Tx", func(id string, f fn) error {
		tx := p.begin(nil)
		_, _, err := keys.Once(p.ctx, s, &sqlx.Tx{Tx: tx.Tx}, p.key(id), none(), f)
		return errors.Join(err, tx.Commit())
	}})
	for i, w := range ways {
		row := struct{ ID string }{fmt.Sprint(i)}
		err := w.call(row.ID, func(ctx context.Context, tx *keys.Tx) (string, error) {
			_, err := tx.NamedExecContext(ctx, "INSERT INTO effects (id) VALUES (:id)", row)
			return "", err
		})
		if err != nil {
			p.Errorf("%s: %v", w.name, err)
		}
		p.wantEffects(row.ID, 1)
	}
}

func namedUnbound(p *place) {
	for i, w := range p.ways(p.db) {
		err := w.call(fmt.Sprint(i), func(ctx context.Context, tx *keys.Tx) (string, error) {
			_, exec := tx.NamedExecContext(ctx, "INSERT INTO effects (id) VALUES (:id)", map[string]any{"other": 1})
			_, query := tx.NamedQuery("SELECT id FROM effects WHERE id = :id", map[string]any{"other": 1})
			if exec == nil || query == nil {
				return "", errors.New("what has no value was sent")
			}
			return "", nil
		})
		if err != nil {
			p.Errorf("%s: %v", w.name, err)
		}
	}
}
