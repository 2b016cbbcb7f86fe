package upsert

import (
	"context"
	"database/sql"
	"reflect"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/txn"
)

// link is what is known of the way from a handle to its server.
type link struct {
	process
	server int // the server's process id
}

// process is what a driver's connection says of the server's process.
type process struct {
	known bool // the driver is one that says it
	id    int  // as the driver was given it
	apart bool // it sends a statement's text and its parameters apart
	keeps bool // it prepares a text that it is sent, and keeps that
}

// direct: the id is that of the server's process. A pooler gives its clients ids of its own.
func (l link) direct() bool { return l.known && l.id == l.server }

// pooled reports whether a statement with parameters may be executed on another server connection than the one that was
// told its text, as lib/pq's is behind a pooler in transaction mode unless it has binary_parameters=yes: it sends the two
// apart, and what is executed is then the statement of whoever was there last (hazard E2). Of a driver that is wrapped
// nothing is known; the others name a statement by its text, or send the two together.
func (t *table) pooled(ctx context.Context, db DB) (bool, error) {
	if _, checked := db.(preparedPool); checked || !t.traits.Typed || !canBegin(db) {
		return false, nil
	}
	l, err := t.linkOf(ctx, db)
	return l.known && l.apart && !l.direct(), err
}

// resultTells reports whether what happened to a row may come in a statement's Result. database/sql begins a goroutine to
// watch over the rows of a query, which costs as much as a fifth of a round trip. Only drivers that are known are relied upon to
// count a SELECT's rows, and what says it takes the server longer to plan, so the statement is one that is kept.
func (t *table) resultTells(ctx context.Context, db DB) (bool, error) {
	if len(t.generated) > 0 || !t.traits.Typed || !canBegin(db) {
		return false, nil
	}
	if _, checked := db.(preparedPool); checked {
		return true, nil
	}
	l, err := t.linkOf(ctx, db)
	return l.keeps, err
}

// checkLink refuses a handle behind which a name may be that of another client's statement.
func (t *table) checkLink(ctx context.Context, db DB) error {
	if !t.traits.Typed || !canBegin(db) {
		return nil // a transaction stays on its connection
	}
	l, err := t.linkOf(ctx, db)
	if err != nil || l.direct() {
		return err
	}
	hint := "use Put, or Prepare in a transaction"
	if !l.known {
		hint = "it cannot be seen through this driver whether there is a pooler: " + hint
	}
	return &dialect.UnsupportedError{Feature: "prepared statement that is sure to be one's own behind a pooler in transaction mode (hazard E2)", Dialect: t.dialect.Name(), Hint: hint}
}

// linkOf asks once a handle.
func (t *table) linkOf(ctx context.Context, db DB) (l link, err error) {
	if l, ok := t.links.get(db); ok {
		return l, nil
	}
	switch h := db.(type) {
	case connector:
		err = txn.OnConn(ctx, h, func(conn *sql.Conn) error {
			defer conn.Close() //nolint:errcheck // gives it back to the pool; one that is dead is gone already
			l, err = askLink(ctx, conn)
			return err
		})
	case interface {
		DB
		rawer
		beginner
	}:
		l, err = askLink(ctx, h)
	}
	if err == nil {
		t.links.add(db, l)
	}
	return l, err
}

func askLink(ctx context.Context, conn interface {
	DB
	rawer
},
) (l link, err error) {
	err = onConn(conn, func(driverConn any) error {
		l.process = processOf(driverConn)
		return nil
	})
	if err == nil && l.known {
		var rows *sql.Rows
		if rows, err = conn.QueryContext(ctx, "SELECT pg_catalog.pg_backend_pid()"); err == nil {
			err = each(rows, func() error { return rows.Scan(&l.server) })
		}
	}
	return l, err
}

// result calls a method that takes nothing and returns one value.
func result(method reflect.Value) reflect.Value {
	if !method.IsValid() || method.Type().NumIn() > 0 || method.Type().NumOut() != 1 {
		return reflect.Value{}
	}
	return method.Call(nil)[0]
}

// processOf asks lib/pq's connection or pgx's. lib/pq says it in fields only: where a release names them otherwise, the id is
// 0 and so never the server's.
func processOf(driverConn any) (p process) {
	switch dbconn.PackageOf(driverConn) {
	case dbconn.PQ:
		v := reflect.ValueOf(driverConn).Elem()
		p = process{known: true, apart: true}
		for _, name := range []string{"pid", "processID"} {
			if f := v.FieldByName(name); f.IsValid() && f.CanInt() {
				p.id = int(f.Int())
			}
		}
		if cfg := v.FieldByName("cfg"); cfg.IsValid() && cfg.Kind() == reflect.Struct {
			if f := cfg.FieldByName("BinaryParameters"); f.IsValid() && f.Kind() == reflect.Bool {
				p.apart = !f.Bool()
			}
		}
	case dbconn.PGX:
		// (*stdlib.Conn).Conn().PgConn().PID(), without importing it.
		conn := result(reflect.ValueOf(driverConn).MethodByName("Conn"))
		if !conn.IsValid() {
			break
		}
		wire := result(conn.MethodByName("PgConn"))
		if !wire.IsValid() {
			break
		}
		if id := result(wire.MethodByName("PID")); id.IsValid() && id.CanUint() {
			p = process{known: true, keeps: true, id: int(id.Uint())}
		}
	}
	return p
}
