package drivertest_test

import (
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/matrix"
)

// TestHazard_P34_OneEncodingForEveryWay checks values of any Go type in columns of any type. Every driver, path and verb
// must store the same value, or every one must refuse the value.
func TestHazard_P34_OneEncodingForEveryWay(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"postgres", "postgres18"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := engine.Get(name)
			e.LeaveTo(t, "postgres", "postgres18")
			space := e.Namespace(t)
			setup, columns := matrix.Postgres()
			// The session's time zone differs much from the values' time zones, to reveal a driver that leaves the
			// conversion to the server.
			zone := engine.Param("timezone", "Asia/Tokyo")
			open := func(opts ...engine.Option) matrix.Driver {
				return matrix.Driver{DB: space.DB(append(opts, zone)...)}
			}
			pq := open()
			pq.Name, pq.InTx = "lib/pq", true
			for _, s := range setup {
				pq.DB.MustExec(s)
			}
			d, err := dialect.Detect(t.Context(), pq.DB)
			if err != nil {
				t.Fatal(err)
			}
			m := &matrix.Matrix{
				Dialect: d, Drivers: []matrix.Driver{pq}, Columns: columns,
				Options: []upsert.Option{throughPgx}, Paths: []upsert.Path{upsert.Values, upsert.Arrays, upsert.Copy},
				Stored: "v::text",
			}
			binary := open(engine.Param("binary_parameters", "yes"))
			binary.Name, binary.InTx = "lib/pq with binary_parameters", true
			m.Drivers = append(m.Drivers, binary)
			for _, mode := range pgxModes {
				d := open(pgxMode(mode)...)
				d.Name = "pgx in the mode " + mode
				m.Drivers = append(m.Drivers, d)
			}
			m.Run(t)
		})
	}
}
