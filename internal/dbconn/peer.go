package dbconn

import (
	"context"
	"database/sql"
	"reflect"
)

// Peer is what is known of the connection between a handle and its server. If the driver does not tell, Peer is the zero value.
type Peer struct {
	driver process // of the driver's connection
	server int     // the server's process id
}

// process is what a driver's connection reports about the server's process.
type process struct {
	isKnown    bool // the driver is one that reports it
	id         int  // the process id that the driver was given
	sendsApart bool // the driver sends a statement's text and its parameters separately
	keepsTexts bool // the driver prepares each text that it is sent, and keeps the prepared statement
}

// IsKnown reports whether the driver tells the facts that the other methods report.
func (p Peer) IsKnown() bool { return p.driver.isKnown }

// IsDirect reports whether the connection is the server's own. A pooler gives its clients process ids that it makes up.
func (p Peer) IsDirect() bool { return p.driver.isKnown && p.driver.id == p.server }

// KeepsTexts reports whether the driver prepares each text that it is sent, and keeps the prepared statement.
func (p Peer) KeepsTexts() bool { return p.driver.keepsTexts }

// SplitsBehindPooler reports whether a statement with parameters may execute on another server connection than the one that
// parsed its text. This happens with lib/pq behind a pooler in transaction mode unless the DSN has binary_parameters=yes:
// lib/pq sends text and parameters separately, and executes the statement that the connection's last user has parsed (hazard
// E2). Other known drivers name a statement by its text, or send text and parameters together. For a wrapped driver the answer
// is unknown, and SplitsBehindPooler returns false.
func (p Peer) SplitsBehindPooler() bool { return p.driver.sendsApart && !p.IsDirect() }

// Peers finds out about handles, once for each handle.
type Peers struct{ recent Recent[Peer] }

// Of returns the peer of a pool or of a connection. For any other handle Of returns the zero Peer.
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
		p.driver = processOf(driverConn)
		return nil
	})
	if err != nil || !p.driver.isKnown {
		return p, err
	}
	rows, err := h.QueryContext(ctx, "SELECT pg_catalog.pg_backend_pid()")
	if err != nil {
		return p, err
	}
	defer rows.Close()
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

// processOf asks the connection of lib/pq or pgx. lib/pq has the process id only in a field. If a release names the field
// differently, the id is 0 and so never the server's.
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
		// This is (*stdlib.Conn).Conn().PgConn().PID(), without importing pgx.
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
