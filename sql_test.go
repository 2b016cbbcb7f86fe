package upsert_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
)

// paper is a handle that records statements and sends them nowhere. A paper cannot begin a transaction.
type paper struct {
	queries []string
	args    [][]any
}

func (p *paper) ExecContext(_ context.Context, query string, args ...any) (sql.Result, error) {
	p.queries, p.args = append(p.queries, query), append(p.args, slices.Clone(args))
	return driver.RowsAffected(1), nil
}

// QueryContext refuses the questions about the session and the unique index, as a server does if the user lacks the right.
func (p *paper) QueryContext(_ context.Context, query string, _ ...any) (*sql.Rows, error) {
	if strings.HasPrefix(query, "SHOW INDEX ") || query == "SELECT @@sql_mode" {
		return nil, &mysql.MySQLError{Number: 1142}
	}
	return nil, errors.New("a query was sent; want no query, because no outcome is requested")
}

// TestStatementShapesAreBounded checks that a batch of any size is split into statements with few distinct texts, so that
// the server and the library can cache them.
func TestStatementShapesAreBounded(t *testing.T) {
	t.Parallel()
	// The sizes are 1 to 7, then four sizes for every further binary digit. SQLite also has 256, the maximum size of a
	// statement.
	for name, want := range map[string]int{"sqlite": 28, "cockroachdb": 32, "mysql": 32, "mariadb": 32} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// PostgreSQL itself uses arrays, which need only one text. CockroachDB does not.
			cockroach, err := dialect.FromVersion("CockroachDB CCL v24.1.5 (x86_64-pc-linux-gnu, built 2024/09/18 17:11:58, go1.22.5)")
			d, ok := map[string]dialect.Dialect{
				"sqlite": dialect.SQLite, "cockroachdb": cockroach, "mysql": dialect.MySQL, "mariadb": dialect.MariaDB,
			}[name]
			if !ok || err != nil {
				t.Fatalf("no dialect %s: %v", name, err)
			}
			if texts := shapesUpTo(t, d, 600); texts != want {
				t.Errorf("PutAll of 1 to 600 rows sends %d texts, want %d", texts, want)
			}
		})
	}
}

// shapesUpTo puts batches of 1 to most rows, checks that each batch is sent completely, and returns the number of distinct
// texts.
func shapesUpTo(t *testing.T, d dialect.Dialect, most int) int {
	t.Helper()
	type thing struct {
		K int64 `upsert:"key"`
		V int64
	}
	table, err := upsert.New[thing](d, "things")
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	rows := make([]thing, most)
	for i := range rows {
		rows[i] = thing{int64(i + 1), int64(-i)} // a key of 0 would cause a question: AUTO_INCREMENT may replace 0 by another number
	}
	textOf, rowsOf := map[int]string{}, map[string]int{}
	for n := 1; n <= most; n++ {
		p := &paper{}
		if _, err := table.PutAll(t.Context(), p, rows[:n]); err != nil {
			t.Fatalf("PutAll of %d rows: %v", n, err)
		}
		var sent []thing
		for i, q := range p.queries {
			for at := 0; at < len(p.args[i]); at += 2 {
				sent = append(sent, thing{p.args[i][at].(int64), p.args[i][at+1].(int64)})
			}
			took := len(p.args[i]) / 2
			if was, known := rowsOf[q]; known && was != took {
				t.Fatalf("one text serves both %d rows and %d rows", was, took)
			}
			if was, known := textOf[took]; known && was != q {
				t.Fatalf("%d rows have two texts", took)
			}
			rowsOf[q], textOf[took] = took, q
		}
		if !slices.Equal(sent, rows[:n]) {
			t.Fatalf("of %d rows, %d were sent: %v; want all rows, in order", n, len(sent), sent)
		}
	}
	return len(rowsOf)
}
