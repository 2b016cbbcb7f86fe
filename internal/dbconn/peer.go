package dbconn

import (
	"context"
	"database/sql"
	"reflect"
)

// Peer is what is known of the way from a handle to its server. It is the zero value if the driver is not one that says it.
type Peer struct {
	process
	server int // the server's process id
}

// process is what a driver's connection says of the server's process.
type process struct {
	isKnown    bool // the driver is one that says it
	id         int  // as the driver was given it
	sendsApart bool // it sends a statement's text and its parameters apart
	keepsTexts bool // it prepares a text that it is sent, and keeps that
}

// IsKnown reports whether the driver is one that says what the other methods tell.
func (p Peer) IsKnown() bool { return p.isKnown }

// IsDirect reports whether the connection is the server's own. A pooler gives its clients process ids that it makes up.
func (p Peer) IsDirect() bool { return p.isKnown && p.id == p.server }

// KeepsTexts reports whether the driver prepares each text that it is sent, and keeps that.
func (p Peer) KeepsTexts() bool { return p.keepsTexts }

// SplitsBehindPooler reports whether a statement with parameters may be executed on another server connection than the one that
// parsed its text. This happens with lib/pq behind a pooler in transaction mode unless the DSN has binary_parameters=yes: lib/pq
// sends text and parameters apart, and executes the statement of whoever was there last (hazard E2). Other known drivers name a
// statement by its text, or send the two together. Of a driver that is wrapped nothing is known.
func (p Peer) SplitsBehindPooler() bool { return p.sendsApart && !p.IsDirect() }

// Peers finds out about handles, each once.
type Peers struct{ recent Recent[Peer] }

// Of returns the peer of a pool or of a connection. Of any other handle nothing is known.
func (c *Peers) Of(ctx context.Context, h Handle) (p Peer, err error) {
	if p, ok := c.recent.Get(h); ok {
		return p, nil
	}
	switch on := h.(type) {
	case Connector:
		err = OnConn(ctx, on, func(conn *sql.Conn) error {
			defer conn.Close() //nolint:errcheck // gives it back to the pool; one that is dead is gone already
			p, err = ask(ctx, conn, conn)
			return err
		})
	case interface {
		Rawer
		Beginner
	}:
		p, err = ask(ctx, h, on)
	}
	if err == nil {
		c.recent.Add(h, p)
	}
	return p, err
}

func ask(ctx context.Context, h Handle, conn Rawer) (p Peer, err error) {
	err = OnDriver(conn, func(driverConn any) error {
		p.process = processOf(driverConn)
		return nil
	})
	if err != nil || !p.isKnown {
		return p, err
	}
	rows, err := h.QueryContext(ctx, "SELECT pg_catalog.pg_backend_pid()")
	if err != nil {
		return p, err
	}
	defer rows.Close() //nolint:errcheck // it was read, or its error is returned
	for rows.Next() {
		if err := rows.Scan(&p.server); err != nil {
			return p, err
		}
	}
	return p, rows.Err()
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
	switch PackageOf(driverConn) {
	case PQ:
		v := reflect.ValueOf(driverConn).Elem()
		p = process{isKnown: true, sendsApart: true}
		for _, name := range []string{"pid", "processID"} {
			if f := v.FieldByName(name); f.IsValid() && f.CanInt() {
				p.id = int(f.Int())
			}
		}
		if cfg := v.FieldByName("cfg"); cfg.IsValid() && cfg.Kind() == reflect.Struct {
			if f := cfg.FieldByName("BinaryParameters"); f.IsValid() && f.Kind() == reflect.Bool {
				p.sendsApart = !f.Bool()
			}
		}
	case PGX:
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
			p = process{isKnown: true, keepsTexts: true, id: int(id.Uint())}
		}
	}
	return p
}
