// Package syntaxtest has the statements this project writes, one case a feature, for every dialect. Its tests compare them
// with the golden files in testdata/golden; the tests of its packages give the statements to the parsers of the databases and to
// an engine that speaks MySQL's dialect. The package is in a module of its own, because the parsers are large and no user needs
// them.
package syntaxtest

import (
	"strings"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
)

// Case is one statement of interest.
type Case struct {
	Name string
	// Why says what the case shows and why it matters. It opens the golden file.
	Why string
	// Key is the columns of the conflict target.
	Key []string
	// SQL writes the statement, or returns why the dialect refuses it.
	SQL func(dialect.Dialect) (string, error)
}

// Stage reports whether the statement is about the staging table alone, and no upsert.
func (c *Case) Stage() bool { return strings.HasPrefix(c.Name, "stage-") }

// Plain reports whether the statement is a plain table's, which has no guard.
func (c *Case) Plain() bool { return strings.HasPrefix(c.Name, "plain") }

// Cases returns every case.
func Cases() []Case { return append([]Case(nil), cases[:]...) }

var cases = func() []Case {
	all := append(ruleCases(), shapeCases()...)
	all = append(all, targetCases()...)
	all = append(all, directCases()...)
	all = append(all, plainCases()...)
	return append(all, bulkCases()...)
}()

// id is the key of most cases.
var id = []string{"id"}

// table writes rows to the table "items" by Table.SQL.
func table[T any](rows []T, opts ...upsert.Option) func(dialect.Dialect) (string, error) {
	return named("items", rows, opts...)
}

// named writes rows to a table by Table.SQL.
func named[T any](name string, rows []T, opts ...upsert.Option) func(dialect.Dialect) (string, error) {
	return func(d dialect.Dialect) (string, error) {
		t, err := upsert.New[T](d, name, opts...)
		if err != nil {
			return "", err
		}
		query, _, err := t.SQL(rows...)
		return query, err
	}
}
