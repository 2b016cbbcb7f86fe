package importer

import (
	"github.com/goupsert/upsert/cmd/upsert/internal/dbtest"
	"path/filepath"
	"testing"
)

func TestRun_GzipIsKnownByItsFirstBytes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	args := []string{"-dsn", path, "-create", "-key", "id", "-table", "items", "-type", "id=integer,n=text"}
	zipped := gzipped(t, "\uFEFFid,n\n1,a\n2,b\n")
	runWith(t, t.Context(), zipped, append(args, "-format", "csv", "-")...).ok(t, "stdin: 2 rows: 2 inserted")
	runProgram(t, append(args, dbtest.WriteFile(t, "items.csv", zipped))...).ok(t, "items.csv: 2 rows: 0 inserted, 0 updated, 2 unchanged")
	lines := gzipped(t, `{"id":1,"n":"a"}`+"\n")
	runWith(t, t.Context(), lines, append(args, "-format", "ndjson", "-")...).ok(t, "stdin: 1 row: 0 inserted, 0 updated, 1 unchanged")
	runWith(t, t.Context(), zipped[:len(zipped)-9], append(args, "-format", "csv", "-")...).failed(t, 1, "stdin: unexpected EOF")
	runWith(t, t.Context(), "", append(args, "-format", "csv", "-")...).failed(t, 1, "stdin:1:1: the file is empty")
	runWith(t, t.Context(), "x", append(args, "-format", "ndjson", "-")...).failed(t, 1, "stdin:1:1: invalid character")
}
