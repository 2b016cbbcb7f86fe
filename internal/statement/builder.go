// Package statement writes the texts of the statements that a table needs, and keeps them.
package statement

import (
	"math/bits"
	"slices"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/schema"
)

// Builder writes the statements of a table. A Builder is safe for concurrent use.
type Builder struct {
	spec     schema.Spec
	traits   dialect.Traits
	rowsMax  int
	assigns  bool
	maybe    bool // a collation may fold the key; if the database has a catalog, the catalog decides
	needs    bool // facts about the stored table
	informed cache
	plain    cache // texts written without facts about the stored table
}

// New returns a Builder that has written nothing.
func New(spec schema.Spec) *Builder {
	b := &Builder{spec: spec, traits: spec.Dialect.Traits(), assigns: dialect.Assigns(spec.Writes, spec.Target)}
	b.rowsMax = b.Full(dialect.Params(spec.Writes))
	merges, ranks := false, false
	for _, w := range spec.Writes {
		inTarget := slices.Contains(spec.Target.Columns, w.Name)
		b.maybe = b.maybe || inTarget && (w.Kind == dialect.KindText || w.Kind == dialect.KindAny || b.traits.Batches.Filter)
		merges = merges || w.Rule == dialect.Merge
		ranks = ranks || w.Kind != dialect.KindPlain && w.Rule.Ranks()
	}
	b.needs = b.traits.Batches.Filter || b.traits.Values.Ordinals && ranks || b.traits.Typed && (merges || !b.assigns && b.maybe)
	return b
}

// RowsMax returns how many rows the largest statement with a parameter for every value takes.
func (b *Builder) RowsMax() int { return b.rowsMax }

// Assigns reports whether a conflict can change a column.
func (b *Builder) Assigns() bool { return b.assigns }

// Upsert returns the statement of a variant, written with the facts that are known, which may be nil.
func (b *Builder) Upsert(v Variant, known *schema.Table) (string, error) {
	return b.informed.get(v, known, func() (string, error) { return b.upsert(v, known) })
}

// Plain returns the statement of a variant, written without facts.
func (b *Builder) Plain(v Variant) (string, error) {
	return b.plain.get(v, nil, func() (string, error) { return b.upsert(v, nil) })
}

func (b *Builder) upsert(v Variant, known *schema.Table) (string, error) {
	u := dialect.Upsert{
		Table: b.spec.Table, Target: b.spec.Target, Columns: b.columns(known, v.Omit), Mode: v.Mode, Rows: v.Rows, Filter: v.Filter, Split: v.Split,
		Stored: dialect.Stored{Guard: v.Mode == dialect.Write && b.ChecksKey(known), Plain: b.spec.Plain, RowID: b.spec.RowID},
		Answer: dialect.Answer{Report: v.Report, Result: v.Result, Return: b.returned(v.Return), Count: v.Count},
	}
	if known != nil {
		u.Stored.Types, u.Stored.Only = known.Types, known.IsPlain
	}
	text, err := b.spec.Dialect.Upsert(u)
	if known != nil && v.Rows.Source == dialect.FromParams && !v.Filter && !b.spec.Plain {
		text += known.Mark
	}
	return text, err
}

// Compare returns the query that compares the rows of a variant's statement with the stored rows.
func (b *Builder) Compare(v Variant, known *schema.Table) (string, error) {
	v = v.compared()
	return b.informed.get(v, known, func() (string, error) {
		c := dialect.Compare{Table: b.spec.Table, Target: b.spec.Target, Columns: b.columns(known, v.Omit), Rows: v.Rows}
		if known != nil {
			c.Stored.Types, c.Stored.Only = known.Exact, known.IsPlain
		}
		return b.spec.Dialect.Compare(c)
	})
}

// Find returns the query for columns of the row that has a key. If lock is true, the query locks the row.
func (b *Builder) Find(columns []string, lock bool, known *schema.Table) string {
	f := dialect.Find{Table: b.spec.Table, Target: b.spec.Target, Return: columns, Lock: lock}
	if known != nil { // the column's type may have rounded the stored key
		f.Stored.Types, f.Stored.Only = known.Exact, known.IsPlain
	}
	return b.spec.Dialect.Find(f)
}

// FindAll returns the query for the whole rows of several keys, how many of n keys the query takes, and how often it needs their
// parameters. index is the name of the unique index, or "".
func (b *Builder) FindAll(n int, index string, known *schema.Table) (text string, times, taken int) {
	f := dialect.FindAll{Table: b.spec.Table, Target: b.spec.Target, Return: b.returned(ReturnAll), Lock: true, Index: index}
	f.Keys = b.Fit(n, 2*len(b.spec.Target.Columns)) // a database may need the parameters twice
	if known != nil {
		f.Stored.Types, f.Stored.Only = known.Exact, known.IsPlain
	}
	text, times = b.spec.Dialect.FindAll(f)
	return text, times, f.Keys
}

// Columns returns the written columns without the omitted columns. A column that is not inserted must not be assigned either,
// because the excluded row would give the column its DEFAULT (hazard P12).
func (b *Builder) Columns(omit uint64) []dialect.Column { return b.columns(nil, omit) }

func (b *Builder) columns(known *schema.Table, omit uint64) []dialect.Column {
	writes := b.spec.Writes
	if known != nil && known.Writes != nil {
		writes = known.Writes
	}
	if omit == 0 {
		return writes
	}
	var cols []dialect.Column
	for i, c := range writes {
		if !b.Omits(omit, i) {
			cols = append(cols, c)
		}
	}
	return cols
}

// Sends reports whether a row's value for the column goes to the server.
func (b *Builder) Sends(omit uint64, col int) bool {
	return !b.spec.Writes[col].Now && !b.Omits(omit, col)
}

// Omits reports whether the column is left out.
func (b *Builder) Omits(omit uint64, col int) bool {
	if omit == 0 {
		return false
	}
	for bit, i := range b.spec.Zeros {
		if i == col {
			return omit&(1<<bit) != 0
		}
	}
	return false
}

func (b *Builder) returned(r Return) []string {
	switch r {
	case ReturnKeys:
		return b.spec.Target.Columns
	case ReturnGenerated:
		return b.spec.Generated
	case ReturnAll:
		var all []string
		for _, w := range b.spec.Writes {
			all = append(all, w.Name)
		}
		return append(all, b.spec.Generated...)
	}
	return nil
}

// NeedsFacts reports whether a statement needs facts about the stored table. On PostgreSQL the columns' types decide how values
// are bound and compared. On databases like PostgreSQL, the function for the rule Merge may be missing, and a statement that
// assigns nothing must compare the key if a collation can fold it. On MySQL and MariaDB a type may have an order of its own
// (hazard H27).
func (b *Builder) NeedsFacts() bool { return b.needs }

// ChecksKey reports whether a statement that assigns nothing must compare the stored key byte by byte.
func (b *Builder) ChecksKey(known *schema.Table) bool {
	if b.assigns || !b.maybe {
		return false
	}
	return !b.traits.Typed || known != nil && slices.ContainsFunc(b.spec.Target.Columns, func(k string) bool { return known.Columns[k].Folds })
}

// Full returns how many rows with this number of parameters the largest statement takes.
func (b *Builder) Full(params int) int {
	return min(b.traits.Limits.Rows, b.traits.Limits.Params/max(1, params))
}

// Fit returns how many of n rows the next statement takes. If n rows fill a statement, Fit returns the number of rows in a full
// statement. Otherwise Fit returns n rounded down to three leading bits, so that any batch is cut into few statements of few
// variants.
func (b *Builder) Fit(n, params int) int {
	full := b.Full(params)
	if n >= full {
		return full
	}
	if over := bits.Len(uint(n)) - 3; over > 0 {
		return n >> over << over
	}
	return n
}
