package bulk_test

import (
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
)

// bulkPaths returns the paths that the tests cover. A long run covers all paths. A usual run omits Values, which the
// conformance suite uses on most engines, and Auto, which selects one of the other paths. With -short, or if nobody asked for PostgreSQL 18, Copy stands for all.
func bulkPaths() []upsert.Path {
	paths := []upsert.Path{upsert.Arrays, upsert.Copy}
	if testing.Short() || !engine.Get("postgres18").IsAskedFor() {
		return paths[1:]
	}
	if engine.IsLong() {
		paths = append(paths, upsert.Values, upsert.Auto)
	}
	return paths
}

// bulkLab is a lab for one path of one engine.
type bulkLab struct {
	lab *lab.Lab
	via upsert.Path
}

// bulkEach runs fn for each path, on each of the engines that have the path, in a separate lab each time.
func bulkEach(t *testing.T, engines string, fn func(b *bulkLab)) {
	t.Helper()
	for _, via := range bulkPaths() {
		names := engines
		if via == upsert.Auto || via == upsert.Arrays { // on MySQL and MariaDB Auto is Values
			names = strings.ReplaceAll(names, lab.OnDuplicateKey, "")
		}
		t.Run(via.String(), func(t *testing.T) {
			t.Parallel()
			lab.Each(t, names, func(l *lab.Lab) { fn(&bulkLab{l, via}) })
		})
	}
}

// bulkTable returns a table whose batches use the path of the lab.
func bulkTable[T any](b *bulkLab, name string, opts ...upsert.Option) *upsert.Table[T] {
	b.lab.Helper()
	return lab.Table[T](b.lab, name, append([]upsert.Option{lab.Load, upsert.Via(b.via)}, opts...)...)
}

// bulkPut calls PutAll with Outcomes, which must succeed.
func bulkPut[T any](b *bulkLab, table *upsert.Table[T], db upsert.DB, rows []T) upsert.Result {
	b.lab.Helper()
	r, err := table.PutAll(b.lab.Context(), db, rows, upsert.Outcomes())
	if err != nil {
		b.lab.Fatalf("PutAll of %d rows: %v", len(rows), err)
	}
	return r
}

// versions describes the row versions of a table on PostgreSQL. The text changes if a row is written or locked.
func (b *bulkLab) versions(table string) string {
	b.lab.Helper()
	return b.lab.Text("SELECT COUNT(*), COUNT(*) FILTER (WHERE xmax::text <> '0'), md5(string_agg(ctid::text || xmin::text, ' ' ORDER BY ctid)) FROM " + table)
}
