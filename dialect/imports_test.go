package dialect_test

import (
	"go/build"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/goupsert/upsert"

// Whoever writes text sends nothing: text generation does not know database/sql.
func TestTextGenerationSendsNothing(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"../internal/statement", "../internal/schema", "../internal/claimsql", "../internal/catalogsql", "../internal/coltype", "../internal/ddl", "../internal/rowtext"} {
		for _, path := range imports(t, dir) {
			if path == "database/sql" {
				t.Errorf("package %s imports %s", dir, path)
			}
		}
	}
}

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
	of := func(more []string, names ...string) []string {
		for _, name := range names {
			more = append(more, module+name)
		}
		return slices.Clone(more)
	}
	for dir, allowed := range map[string][]string{
		"..": of(sqlx, "/dialect", "/internal/catalog", "/internal/dbconn", "/internal/ddl", "/internal/inside", "/internal/mapping", "/internal/schema", "/internal/sqlname", "/internal/verify",
			"/internal/write"),
		"../internal/write": of(nil, "/dialect", "/internal/catalog", "/internal/dbconn", "/internal/mapping", "/internal/pipeline", "/internal/rowkey",
			"/internal/rowtext", "/internal/schema", "/internal/statement", "/internal/stmtcache", "/internal/txn"),
		"../internal/catalog":    of(nil, "/dialect", "/internal/catalogsql", "/internal/dbconn", "/internal/schema", "/internal/stmtcache", "/internal/txn"),
		"../internal/catalogsql": of(nil, "/dialect"),
		"../internal/verify":     of(nil, "/dialect", "/internal/coltype", "/internal/ddl", "/internal/mapping", "/internal/schema"),
		"../internal/ddl":        of(nil, "/dialect", "/internal/coltype", "/internal/mapping"),
		"../internal/coltype":    of(nil, "/dialect", "/internal/mapping", "/internal/schema"),
		"../internal/statement":  of(nil, "/dialect", "/internal/schema"),
		"../internal/schema":     of(nil, "/dialect"),
		"../internal/txn":        of(sqlx, "/dialect", "/internal/backoff", "/internal/dbconn", "/internal/stmtcache"),
		"../internal/stmtcache":  of(nil, "/internal/dbconn"),
		"../internal/rowkey":     of(sqlx, "/dialect", "/internal/mapping"),
		"../internal/mapping":    of(sqlx, "/dialect", "/internal/words"),
		"../internal/sqlname":    of(nil, "/dialect"),
		"../internal/claimsql":   of(nil, "/dialect"),
		"../upserttest":          nil,
		"../internal/words":      nil,
		"../internal/backoff":    nil,
		"../internal/dbconn":     nil,
		"../internal/response":   nil,
		"../internal/inside":     nil,
		"../internal/pipeline":   nil,
		"../internal/rowtext":    nil,
		"../keys/httpkeys":       append(of(nil, "/dialect", "/internal/response", "/keys"), "github.com/dunglas/httpsfv"),
		"../keys":                append(of(sqlx, "", "/dialect", "/internal/response", "/internal/backoff", "/internal/claimsql", "/internal/dbconn", "/internal/inside", "/internal/sqlname", "/internal/txn"), "github.com/gowebpki/jcs"),
	} {
		for _, path := range imports(t, dir) {
			if strings.Contains(strings.Split(path, "/")[0], ".") && !slices.Contains(allowed, path) {
				t.Errorf("package %s imports %s: drivers are the user's, and imports go from keys to upsert to dialect", dir, path)
			}
		}
	}
}
