package write

import (
	"context"
	"io"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/pipeline"
)

// A loader fills a staging table through one driver.
type loader interface {
	load(ctx context.Context, text dialect.StageText, rows *pipeline.Stream) error
}

// refuseCopy returns an error if New was not given what the path Copy needs for the database.
func (t *Table) refuseCopy() error {
	if t.traits.Batches.Copying == dialect.CopyLoadData && t.copies.Register == nil {
		return &dialect.UnsupportedError{Feature: "reader of rows for Via(Copy)", Dialect: t.spec.Dialect.Name(), Hint: "give New LoadThrough(mysql.RegisterReaderHandler, mysql.DeregisterReaderHandler), or use Via(Values)"}
	}
	return dialect.RefuseSource(t.spec.Dialect, dialect.FromStage)
}

// canLoad reports whether the server takes rows for a staging table.
func (t *Table) canLoad(ctx context.Context, h dbconn.Handle) (bool, error) {
	if t.traits.Batches.Copying != dialect.CopyLoadData {
		return true, nil
	}
	return t.loadsLocal(ctx, h)
}

// newLoader returns the loader of the session's handle, or nil if rows can only be given to lib/pq's COPY statement one by one.
func (g *stage) newLoader(r *session, auto bool) (loader, error) {
	if g.table.traits.Batches.Copying == dialect.CopyLoadData {
		return infileLoader{stage: g, db: r.db}, nil
	}
	conn, ok := r.db.(dbconn.Rawer)
	if !ok {
		return nil, nil
	}
	through := g.table.copies.Through
	err := dbconn.OnDriver(conn, func(driverConn any) error {
		switch from := dbconn.PackageOf(driverConn); {
		case from == dbconn.PQ:
			through = copyLines
		case through == nil:
			return g.table.newCopyError("give New CopyThrough, which package pgxcopy has for pgx, or use Via(Arrays)")
		case auto && from != dbconn.PGX: // the driver may be a wrapper, which through may not know
			return g.table.newCopyError("use Via(Copy) if New's CopyThrough is for it")
		}
		return nil
	})
	return copyLoader{conn: conn, through: through}, err
}

func (t *Table) newCopyError(hint string) error {
	return &dialect.UnsupportedError{Feature: "way for Via(Copy) through this driver and handle", Dialect: t.spec.Dialect.Name(), Hint: hint}
}

// copyLoader runs COPY … FROM STDIN with the function of a driver.
type copyLoader struct {
	conn    dbconn.Rawer
	through func(ctx context.Context, driverConn any, query string, rows io.Reader) error
}

func (l copyLoader) load(ctx context.Context, text dialect.StageText, rows *pipeline.Stream) error {
	return dbconn.OnDriver(l.conn, func(driverConn any) error { return l.through(ctx, driverConn, text.Load, rows) })
}
