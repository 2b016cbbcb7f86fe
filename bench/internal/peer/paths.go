package peer

import (
	"github.com/go-sql-driver/mysql"
	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/pgxcopy"
)

const auto = "`Table.PutAll`, which chooses its path; over pgx with `CopyThrough(pgxcopy.From)`."

// libraries are the library's paths on a dialect, for a batch.
func libraries(dialect string) []library {
	plain := library{name: "upsert", driver: Driver(dialect), how: auto}
	switch {
	case dialect == "postgres":
		return postgresPaths()
	case isMySQL(dialect):
		return []library{
			plain,
			{
				name: "upsert, interpolated", driver: mySQL, how: "The same with the driver's `interpolateParams=true`.",
				params: []engine.Option{interpolated()},
			},
			{
				name: "upsert, LOAD DATA", driver: mySQL, how: "The same with `LoadThrough`, which gives it the driver's reader, and `Via(upsert.Copy)`.",
				options: []upsert.Option{upsert.LoadThrough(mysql.RegisterReaderHandler, mysql.DeregisterReaderHandler)},
				put:     []upsert.PutOption{upsert.Via(upsert.Copy)}, // the library does not choose it
			},
		}
	}
	return []library{plain}
}

// postgresPaths names the paths that there are to choose from as well: all through lib/pq, and through pgx what it has of its own.
func postgresPaths() []library {
	through := []upsert.Option{upsert.CopyThrough(pgxcopy.From)}
	all := []library{{name: "upsert", driver: libPQ, how: auto}, {name: "upsert", driver: pgx, how: auto, options: through}}
	for _, path := range []struct {
		via    upsert.Path
		name   string
		driver string
	}{{upsert.Values, "Values", libPQ}, {upsert.Arrays, "Arrays", libPQ}, {upsert.Copy, "Copy", libPQ}, {upsert.Arrays, "Arrays", pgx}} {
		all = append(all, library{
			name: "upsert, " + path.name, driver: path.driver, how: "The same with `Via(upsert." + path.name + ")`.",
			put: []upsert.PutOption{upsert.Via(path.via)},
		})
	}
	return all
}
