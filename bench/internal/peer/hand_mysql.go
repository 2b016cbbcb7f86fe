package peer

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/goupsert/upsert/bench/internal/contest"
	"github.com/goupsert/upsert/bench/internal/place"
	"github.com/goupsert/upsert/bench/internal/row"
	"github.com/goupsert/upsert/internal/engine"
)

// interpolated is the setting of the driver that saves a round trip and the server's work on parameters.
func interpolated() engine.Option { return engine.Param("interpolateParams", "true") }

func handMySQL[R any](dialect string, s *row.Shape[R]) []Peer[R] {
	return []Peer[R]{
		{
			Way: contest.Way{
				Name: "by hand, interpolated VALUES", Driver: mySQL, Kind: contest.ByHand,
				How: "Multi-row statements of 1,000 rows with the driver's `interpolateParams=true`, which writes the values into the text.",
			},
			Open: handOnce(dialect, s, interpolated()),
		},
		{
			Way: contest.Way{
				Name: "by hand, LOAD DATA", Driver: mySQL, Kind: contest.ByHand,
				How: "`LOAD DATA LOCAL` through the driver's registered reader into a temporary table, then one `INSERT … SELECT`.",
			},
			Open: handLoad(dialect, s),
		},
	}
}

// loadReaders counts the readers that were named, because the driver keeps them all in one map.
var loadReaders atomic.Int64

// handLoad writes the lines while the server reads them.
func handLoad[R any](dialect string, s *row.Shape[R]) func(context.Context, *place.Place) (Write[R], error) {
	reader := "by-hand-" + strconv.FormatInt(loadReaders.Add(1), 10)
	load := "LOAD DATA LOCAL INFILE 'Reader::" + reader + "' INTO TABLE staging CHARACTER SET utf8mb4 (" + names(s.Columns) + ")"
	return func(_ context.Context, p *place.Place) (Write[R], error) {
		db, err := p.Open(driverName(mySQL))
		return func(ctx context.Context, rows []R) error {
			mysql.RegisterReaderHandler(reader, func() io.Reader { return lines(s, rows) })
			defer mysql.DeregisterReaderHandler(reader)
			return inTx(ctx, db, func(tx *sql.Tx) error {
				for _, query := range []string{
					"CREATE TEMPORARY TABLE staging LIKE accounts", load, merge(dialect, "staging", s.Columns), "DROP TEMPORARY TABLE staging",
				} {
					if _, err := tx.ExecContext(ctx, query); err != nil {
						return fmt.Errorf("%s: %w", query, err)
					}
				}
				return nil
			})
		}, err
	}
}

// lines are rows as LOAD DATA reads them by default: tabs between, backslashes before.
func lines[R any](s *row.Shape[R], rows []R) io.Reader {
	r, w := io.Pipe()
	go func() {
		var line bytes.Buffer
		var args []any
		for i := range rows {
			args = s.Args(args[:0], &rows[i])
			for j, v := range args {
				if j > 0 {
					line.WriteByte('\t')
				}
				field(&line, v)
			}
			line.WriteByte('\n')
			if line.Len() < 32<<10 && i < len(rows)-1 {
				continue
			}
			if _, err := w.Write(line.Bytes()); err != nil {
				return
			}
			line.Reset()
		}
		_ = w.Close() // it has no error to tell
	}()
	return r
}

func field(b *bytes.Buffer, v any) {
	to := b.AvailableBuffer()
	switch v := v.(type) {
	case int64:
		to = strconv.AppendInt(to, v, 10)
	case float64:
		to = strconv.AppendFloat(to, v, 'g', -1, 64)
	case bool:
		to = append(to, "01"[map[bool]int{true: 1}[v]])
	case time.Time:
		to = v.AppendFormat(to, "2006-01-02 15:04:05.000000")
	case string:
		for i := range len(v) {
			switch v[i] {
			case '\t', '\n', '\\', 0:
				to = append(to, '\\')
			}
			to = append(to, v[i])
		}
	}
	b.Write(to)
}
