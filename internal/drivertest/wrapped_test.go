package drivertest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/faults"
)

// TestWrappedDriverTakesArrays checks that batches of any size are sent as arrays if the driver is wrapped, as many tracers
// do. (*sql.Conn).Raw then returns the wrapper's connection, so Via(Copy) is refused with a reason.
func TestWrappedDriverTakesArrays(t *testing.T) {
	t.Parallel()
	each(t, postgresServers, func(p *place) {
		db, tab := p.wrapped(), p.table()
		p.refuses(tab, db, "CopyThrough")
		p.put(tab, db, things(25000), upsert.Result{Inserted: 25000})
		p.put(tab, db, things(25000), upsert.Result{Unchanged: 25000})
		arrays := 0
		for _, point := range db.Points() {
			if strings.Contains(point.Text, "unnest(") {
				arrays++
			}
			if strings.Contains(point.Text, "COPY") {
				p.Errorf("sent: %s", point.Text)
			}
		}
		if arrays == 0 {
			p.Error("no batch went as arrays")
		}
	})
}

func (p *place) wrapped() *faults.DB {
	p.Helper()
	return faults.OpenDSN(p, p.driver, p.space.DSN(engine.Driver(p.driver)), nil)
}

// TestWrappedPgxRefusesFrom checks that a wrapped driver makes CopyThrough(pgxcopy.From) fail with an error that names the
// type of the connection.
func TestWrappedPgxRefusesFrom(t *testing.T) {
	t.Parallel()
	each(t, pgxServers, func(p *place) {
		db, tab := p.wrapped(), p.table(throughPgx)
		_, err := tab.PutAll(p.Context(), db, things(3), upsert.Via(upsert.Copy))
		if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "internal/faults.conn") {
			p.Errorf("Via(Copy): %v; want errors.ErrUnsupported with the type of the connection", err)
		}
		p.wantRows(2)
	})
}
