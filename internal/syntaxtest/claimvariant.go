package syntaxtest

import (
	"fmt"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/claimsql"
)

// claimServers are the databases that keys run on, in the order of the golden files, and their answers as in servers.
var claimServers = [...]struct{ name, banner string }{
	{"sqlite", ""},
	{"postgres", "PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu, compiled by gcc 12.2.0, 64-bit"},
	{"postgres-18", "PostgreSQL 18.4 on x86_64-pc-linux-gnu, compiled by gcc 12.2.0, 64-bit"},
	{"mysql-5.7", "5.7.44-log"},
	{"mysql-8.0.18", "8.0.18"},
	{"mysql-8.0.36", "8.0.36"},
	{"mariadb-10.11", "10.11.19-MariaDB"},
	{"mariadb-10.5", "10.5.27-MariaDB"},
}

// ClaimVariants returns every database that keys run on.
func ClaimVariants() ([]Variant, error) {
	all := []Variant{{Name: claimServers[0].name, Dialect: dialect.SQLite}}
	for _, s := range claimServers[1:] {
		d, err := dialect.FromVersion(s.banner)
		if err != nil {
			return nil, fmt.Errorf("variant %s: %w", s.name, err)
		}
		all = append(all, Variant{Name: s.name, Dialect: d})
	}
	return all, nil
}

// Write writes the case's statement for a database, with parameters for the values of queries or without.
func (c ClaimCase) Write(d dialect.Dialect, bind bool, v ClaimValues) (claimsql.Statement, error) {
	t := c.Table
	if t.Name == "" {
		t.Name = "idempotency_keys"
	}
	q, err := claimsql.New(d, t)
	if err != nil {
		return claimsql.Statement{}, err
	}
	q.Bind = bind
	return c.SQL(q, v), nil
}

// ClaimStatement is the text of a case in a variant that needs it, with the values of ExampleClaim.
type ClaimStatement struct {
	Text    string
	Args    []any
	Case    ClaimCase
	Variant Variant
	Bind    bool
}

// String names the statement in a test's output.
func (s ClaimStatement) String() string {
	return fmt.Sprintf("%s on %s (bind %v)", s.Case.Name, s.Variant.Name, s.Bind)
}

// ClaimStatements returns what the named variants are sent, without parameters and with them.
func ClaimStatements(variants ...string) (out []ClaimStatement, err error) {
	all, err := ClaimVariants()
	if err != nil {
		return nil, err
	}
	byName := map[string]Variant{}
	for _, v := range all {
		byName[v.Name] = v
	}
	for _, name := range variants {
		v, ok := byName[name]
		if !ok {
			return nil, fmt.Errorf("there is no variant %q", name)
		}
		for _, c := range ClaimCases() {
			for _, bind := range []bool{false, true} {
				s, err := c.Write(v.Dialect, bind, ExampleClaim())
				if err != nil {
					return nil, err
				}
				if s.Text != "" {
					out = append(out, ClaimStatement{Text: s.Text, Args: s.Args, Case: c, Variant: v, Bind: bind})
				}
			}
		}
	}
	return out, nil
}
