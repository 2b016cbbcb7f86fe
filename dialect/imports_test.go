package dialect_test

import (
	"go/build"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/goupsert/upsert"

// imports returns what a package's code, without its tests, imports.
func imports(t *testing.T, dir string) []string {
	t.Helper()
	p, err := build.ImportDir(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p.Imports
}

// Anybody can read and extend a dialect: it stands on the standard library alone.
func TestDialectImportsTheStandardLibraryOnly(t *testing.T) {
	t.Parallel()
	for _, path := range imports(t, ".") {
		if strings.Contains(strings.Split(path, "/")[0], ".") {
			t.Errorf("dialect imports %s", path)
		}
	}
}

func TestImportsGoOneWay(t *testing.T) {
	t.Parallel()
	sqlx := []string{"github.com/jmoiron/sqlx", "github.com/jmoiron/sqlx/reflectx"}
	shared := []string{module + "/dialect", module + "/internal/backoff", module + "/internal/dbconn", module + "/internal/sqlname", module + "/internal/txn", module + "/internal/inside"}
	for dir, allowed := range map[string][]string{
		"..": append(append(shared, sqlx...), module+"/internal/mapping", module+"/internal/schema", module+"/internal/write"),
		"../internal/write": {
			module + "/dialect", module + "/internal/catalog", module + "/internal/dbconn", module + "/internal/mapping", module + "/internal/pipeline", module + "/internal/rowkey",
			module + "/internal/rowtext", module + "/internal/schema", module + "/internal/statement", module + "/internal/stmtcache", module + "/internal/txn",
		},
		"../internal/mapping":   append(sqlx, module+"/dialect"),
		"../internal/backoff":   nil,
		"../internal/inside":    nil,
		"../internal/dbconn":    nil,
		"../internal/pipeline":  nil,
		"../internal/rowkey":    append(sqlx, module+"/internal/mapping", module+"/dialect"),
		"../internal/rowtext":   nil,
		"../internal/stmtcache": {module + "/internal/dbconn"},
		"../internal/txn":       append(sqlx, module+"/dialect", module+"/internal/backoff", module+"/internal/dbconn", module+"/internal/stmtcache"),
		"../internal/statement": {module + "/dialect", module + "/internal/schema"},
		"../internal/schema":    {module + "/dialect"},
		"../internal/catalog":   {module + "/dialect", module + "/internal/dbconn", module + "/internal/schema", module + "/internal/stmtcache", module + "/internal/txn"},
		"../internal/sqlname":   {module + "/dialect"},
		"../internal/claimsql":  {module + "/dialect"},
		"../keys":               append(append(shared, sqlx...), module, module+"/internal/claimsql", "github.com/gowebpki/jcs"),
	} {
		for _, path := range imports(t, dir) {
			if strings.Contains(strings.Split(path, "/")[0], ".") && !slices.Contains(allowed, path) {
				t.Errorf("package %s imports %s: drivers are the user's, and imports go from keys to upsert to dialect", dir, path)
			}
		}
	}
}
