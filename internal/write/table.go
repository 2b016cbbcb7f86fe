// Package write sends rows to a server and finds out what happened to them.
package write

import (
	"context"
	"fmt"
	"slices"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/catalog"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/mapping"
	"github.com/goupsert/upsert/internal/schema"
	"github.com/goupsert/upsert/internal/statement"
	"github.com/goupsert/upsert/internal/txn"
)

// Config says what a Table writes.
type Config struct {
	Name      string           // for errors
	Mapping   *mapping.Mapping // of the row's type
	Needs     *mapping.Mapping // what a row must have: if a row is a map, the chosen columns
	Columns   []*mapping.Column
	Keys      []int // indexes in Columns of the conflict target's columns
	Generated []*mapping.Column
	Spec      schema.Spec
	Attempts  int // how often a transaction of the library's own is run at most
	Copy      CopyFuncs
	Events    Events
}

// Events are called while a call runs. Each may be nil.
type Events struct {
	Retried func(ctx context.Context, attempt int, err error)
	Chosen  func(ctx context.Context, by Path)
}

// Table writes rows to one table. A Table is safe for concurrent use.
type Table struct {
	name     string
	rows     rowType
	spec     schema.Spec
	traits   dialect.Traits
	copies   CopyFuncs
	chosen   func(ctx context.Context, by Path)
	txn      *txn.Runner
	peers    *dbconn.Peers
	stmts    *statement.Builder
	catalog  *catalog.Cache
	checks   *catalog.Checks
	reporter reporter
}

// rowType is what is known of a row's columns.
type rowType struct {
	mapping   *mapping.Mapping
	needs     *mapping.Mapping
	cols      []*column // the columns that are written, in the mapping's order
	generated []*column
	keys      []int // indexes in cols of the target's columns
	keyPlace  []int // for each column in cols, its index in keys, or -1
	versioned bool
	merges    bool
}

type column = mapping.Column

// New returns a Table. It returns a *dialect.UnsupportedError if the database lacks a feature.
func New(c Config) (*Table, error) {
	t := &Table{name: c.Name, spec: c.Spec, traits: c.Spec.Dialect.Traits(), copies: c.Copy, chosen: c.Events.Chosen, peers: &dbconn.Peers{}}
	t.rows = rowType{mapping: c.Mapping, needs: c.Needs, cols: c.Columns, generated: c.Generated, keys: c.Keys}
	for i, w := range c.Spec.Writes {
		t.rows.keyPlace = append(t.rows.keyPlace, slices.Index(c.Keys, i))
		t.rows.versioned = t.rows.versioned || w.Rule == dialect.Version
		t.rows.merges = t.rows.merges || w.Rule == dialect.Merge
	}
	t.txn = &txn.Runner{Attempts: c.Attempts, Retried: c.Events.Retried, Immediate: t.traits.Immediate}
	if t.traits.Typed {
		t.txn.Peers = t.peers
	}
	t.stmts = statement.New(c.Spec)
	t.catalog, t.checks = catalog.New(c.Spec), catalog.NewChecks(c.Spec, t.txn)
	t.reporter = newReporter(t)
	if t.stmts.RowsMax() == 0 {
		return nil, &dialect.UnsupportedError{Feature: fmt.Sprintf("statement with %d parameters", dialect.Params(c.Spec.Writes)), Dialect: t.spec.Dialect.Name(), Hint: "choose fewer with Columns"}
	}
	_, err := t.stmts.Plain(oneValue)
	return t, err
}

// oneValue is the statement of one row.
var oneValue = statement.Variant{Mode: dialect.Write, Rows: dialect.Rows{N: 1}}

// reportPath tells that the rows of a call are sent by a path.
func (t *Table) reportPath(ctx context.Context, by Path) {
	if t.chosen != nil {
		t.chosen(ctx, by)
	}
}

// columns returns every column, written and generated.
func (r *rowType) columns() []*column {
	return slices.Concat(r.cols, r.generated)
}

// Names returns the columns' names.
func Names(cols []*column) []string {
	var names []string
	for _, c := range cols {
		names = append(names, c.Name)
	}
	return names
}
