package syntaxtest

import (
	"fmt"

	"github.com/goupsert/upsert/dialect"
)

// Variant is a dialect at a version, under the name its section has in a golden file.
type Variant struct {
	Name    string
	Dialect dialect.Dialect
}

// servers are what SELECT version() answers, by the variant's name. "postgres" and "mysql" are the dialects of a server
// that was not asked, so they have no answer.
var servers = [...]struct{ name, banner string }{
	{"sqlite", ""},
	{"postgres", ""},
	{"postgres-18", "PostgreSQL 18.4 on x86_64-pc-linux-gnu, compiled by gcc 12.2.0, 64-bit"},
	{"cockroachdb", "CockroachDB CCL v24.1.5 (x86_64-pc-linux-gnu, built 2024/09/18 17:11:58, go1.22.5)"},
	{"yugabytedb", "PostgreSQL 11.2-YB-2.20.1.0-b0 on x86_64-pc-linux-gnu, compiled by clang version 16.0.6, 64-bit"},
	{"mysql", ""},
	{"mysql-8.0.36", "8.0.36"},
	{"mariadb-10.11", "10.11.19-MariaDB"},
	{"tidb", "8.0.11-TiDB-v7.5.1"},
	{"vitess", "8.0.30-Vitess"},
}

// Variants returns every variant, in the order of the golden files.
func Variants() ([]Variant, error) {
	asked := map[string]dialect.Dialect{"sqlite": dialect.SQLite, "postgres": dialect.Postgres, "mysql": dialect.MySQL}
	var all []Variant
	for _, s := range servers {
		d := asked[s.name]
		if d == nil {
			var err error
			if d, err = dialect.FromVersion(s.banner); err != nil {
				return nil, fmt.Errorf("variant %s: %w", s.name, err)
			}
		}
		all = append(all, Variant{Name: s.name, Dialect: d})
	}
	return all, nil
}

// Statement is the text of a case in a variant that does not refuse it.
type Statement struct {
	Case    *Case
	Variant Variant
	SQL     string
}

// Statements returns the text of every case in the named variants, if there is one.
func Statements(variants ...string) ([]Statement, error) {
	wanted := map[string]bool{}
	for _, name := range variants {
		wanted[name] = true
	}
	all, err := Variants()
	if err != nil {
		return nil, err
	}
	var out []Statement
	for _, v := range all {
		if !wanted[v.Name] {
			continue
		}
		delete(wanted, v.Name)
		for i := range cases {
			if query, err := cases[i].SQL(v.Dialect); err == nil && query != "" {
				out = append(out, Statement{Case: &cases[i], Variant: v, SQL: query})
			}
		}
	}
	for name := range wanted {
		return nil, fmt.Errorf("there is no variant %q", name)
	}
	return out, nil
}
