package write

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/pipeline"
	"github.com/goupsert/upsert/internal/schema"
	"github.com/goupsert/upsert/internal/statement"
)

// copyLines streams rows through lib/pq, whose COPY statement takes lines without changing them.
func copyLines(ctx context.Context, driverConn any, query string, rows io.Reader) (err error) {
	stmt, err := driverConn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() {
		// Close waits for the server, and returns the server's error about the rows.
		if closing := stmt.Close(); err == nil {
			err = closing
		}
	}()
	to, ok := stmt.(interface {
		CopyData(ctx context.Context, line string) (driver.Result, error)
	})
	if !ok {
		return errors.New("this release of lib/pq has no CopyData: use one from 1.10.3 on, or Via(Arrays)")
	}
	for {
		block, err := rows.(*pipeline.Stream).ReadBlock()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		// CopyData adds the newline itself.
		if _, err := to.CopyData(ctx, string(block[:len(block)-1])); err != nil {
			return err
		}
	}
}

// stageRowByRow stages rows through lib/pq's ordinary COPY statement, because nothing else can be used in the caller's transaction.
func (w *writer) stageRowByRow(left []int32) (taken int, err error) {
	omit := w.batch.sent.findOmitted(left[0])
	s := batchStatement{variant: statement.Variant{Mode: dialect.Write, Omit: omit, Rows: dialect.Rows{Source: dialect.FromStage, Nth: w.session.stage.number}, Filter: w.plan.filter}}
	var rows [][]any
	for taken < min(len(left), stageRows) && w.batch.sent.findOmitted(left[taken]) == omit {
		to := argEncoder{table: w.batch.table}
		if err := w.batch.sent.encodeArgs(&to, left[taken], omit); err != nil {
			return 0, err
		}
		if to.removes {
			break
		}
		if w.session.stage.place {
			to.native = schema.NativeAll
			to.Int(int64(taken))
		}
		rows = append(rows, to.args)
		taken++
	}
	if taken == 0 {
		return sendNext(w, valuesTransport{}, left)
	}
	s.rows = left[:taken]
	return taken, w.session.pipe.Submit(func() (int, error) {
		err := w.session.stage.fillRows(w.session, w.table.stmts.Columns(omit), rows)
		if err != nil {
			return taken, w.failStatement(s, err)
		}
		return taken, w.sendStaged(s)
	})
}

func (g *stage) fillRows(r *session, columns []dialect.Column, rows [][]any) error {
	p, ok := r.db.(dbconn.Preparer)
	if !ok {
		return g.table.newCopyError("give the call a *sql.DB or a *sql.Tx, or use Via(Arrays)")
	}
	text, err := g.empty(r, columns)
	if err != nil {
		return err
	}
	stmt, err := p.PrepareContext(r.ctx, text.Load)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if _, err = stmt.ExecContext(r.ctx, row...); err != nil {
			break
		}
	}
	if closing := stmt.Close(); err == nil {
		err = closing
	}
	if err != nil && strings.HasPrefix(err.Error(), "sql: expected 0 arguments") { // only lib/pq takes the rows of a COPY as arguments
		return g.table.newCopyError("let the call begin the transaction, with New given CopyThrough, or use Via(Arrays)")
	}
	return err
}
