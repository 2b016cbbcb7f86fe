// Package catalog asks a server about a table, and keeps the answer until the schema may have changed.
package catalog

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/schema"
	"github.com/goupsert/upsert/internal/stmtcache"
	"github.com/goupsert/upsert/internal/txn"
)

// Cache keeps what a server answered about a table.
type Cache struct {
	spec   schema.Spec
	traits dialect.Traits
	kept   atomic.Pointer[schema.Table] // another pointer means another answer
	stale  atomic.Bool                  // kept may describe an older schema
}

// New returns an empty Cache.
func New(spec schema.Spec) *Cache { return &Cache{spec: spec, traits: spec.Dialect.Traits()} }

// Kept returns the last answer, or nil if the server was not asked.
func (c *Cache) Kept() *schema.Table { return c.kept.Load() }

// Column returns what is known of a column.
func (c *Cache) Column(name string) schema.Column {
	if known := c.Kept(); known != nil {
		return known.Columns[name]
	}
	return schema.Column{}
}

// Invalidate makes the next Look ask again.
func (c *Cache) Invalidate() { c.stale.Store(true) }

// Look asks the catalog once, and keeps the answer if the table can be used. Look asks again if the schema may have changed since
// the last answer. Look returns a *schema.Error if the constraint of the conflict target has other columns than the target.
func (c *Cache) Look(ctx context.Context, h dbconn.Handle) (*schema.Table, error) {
	known := c.Kept()
	if known != nil && !c.stale.Load() {
		return known, nil
	}
	fresh, err := c.Ask(ctx, h)
	if err != nil {
		return nil, err
	}
	if c.traits.Typed && c.merges() && !fresh.MergeFunction {
		return nil, &dialect.UnsupportedError{
			Feature: "JSON Merge Patch of its own, and no function " + dialect.MergeFunctionName + "(jsonb, jsonb) is installed", Dialect: c.spec.Dialect.Name(),
			Hint: "run dialect.PostgresMergeFunction once, in a migration",
		}
	}
	if len(fresh.Types) == 0 {
		return fresh, nil
	}
	if err := c.checkConstraint(fresh); err != nil {
		return nil, err
	}
	c.stale.Store(false)
	if known != nil && reflect.DeepEqual(known, fresh) {
		return known, nil
	}
	c.kept.Store(fresh)
	return fresh, nil
}

func (c *Cache) merges() bool {
	return slices.ContainsFunc(c.spec.Writes, func(w dialect.Column) bool { return w.Rule == dialect.Merge })
}

// checkConstraint refuses a constraint whose columns are not the key's columns, because a conflict with such a constraint would
// change the row of another key. If the constraint does not exist, the statement returns the error.
func (c *Cache) checkConstraint(known *schema.Table) error {
	var columns []string
	for name, h := range known.Columns {
		if h.Arbitrates {
			columns = append(columns, name)
		}
	}
	if len(columns) == 0 {
		return nil
	}
	if wrong := schema.WrongConstraint(c.spec.Target, columns); wrong != nil {
		return &schema.Error{Problems: []schema.Problem{*wrong}}
	}
	return nil
}

// IsOutdated reports whether the schema has changed since the catalog was asked and err may come from this change. If so, Kept
// returns the new answer afterwards. In the caller's transaction, which err has ended, IsOutdated returns false, and the next
// Look asks.
func (c *Cache) IsOutdated(ctx context.Context, h dbconn.Handle, err error) bool {
	known := c.Kept()
	if known == nil || !IsOfSchema(err) || dialect.IsOtherKey(err) {
		return false
	}
	c.Invalidate()
	if !dbconn.CanBegin(h) || ctx.Err() != nil {
		return false
	}
	fresh, err := c.Look(ctx, h)
	return err == nil && fresh != known
}

// Ask asks the catalog and keeps nothing.
func (c *Cache) Ask(ctx context.Context, h dbconn.Handle) (*schema.Table, error) {
	rows, err := stmtcache.Unwrap(h).QueryContext(ctx, c.spec.Dialect.Catalog(c.spec.Table, c.spec.Target))
	if err != nil {
		return nil, err
	}
	t := &schema.Table{Types: map[string]string{}, Exact: map[string]string{}, Columns: map[string]schema.Column{}}
	if !c.traits.Typed {
		return t, c.readColumns(rows, t)
	}
	err = txn.Each(rows, func() error {
		var name, exact string
		var col schema.Column
		err := rows.Scan(&col.Arbitrates, &t.MaySkip, &name, &col.Type, &exact, &col.Base, &col.Exact, &col.NotArrayElement, &col.Folds, &t.IsPlain, &t.TempTables, &t.MergeFunction)
		t.Types[name], t.Exact[name], t.Columns[name] = col.Type, exact, col
		return err
	})
	for _, w := range c.spec.Writes {
		w.Base = t.Columns[w.Name].Base
		t.Writes, t.Natives = append(t.Writes, w), append(t.Natives, schema.NativeOf(t.Columns[w.Name]))
	}
	t.Mark = markOf(t.Exact)
	return t, err
}

// readColumns reads the answer of SHOW COLUMNS, and keeps it by the names that the columns have in the mapping.
func (c *Cache) readColumns(rows *sql.Rows, t *schema.Table) error {
	t.Writes = slices.Clone(c.spec.Writes)
	return eachNamed(rows, func(value func(string) sql.NullString) {
		typ := value("Type").String
		base, _, _ := strings.Cut(strings.ToLower(typ), "(")
		for i, w := range c.spec.Writes {
			if strings.EqualFold(w.Name, value("Field").String) {
				if base == "enum" || base == "set" {
					t.Writes[i].Kind = dialect.KindOrdinal
				}
				t.Types[w.Name] = typ
				t.Columns[w.Name] = schema.Column{Base: base, AutoIncrement: strings.Contains(strings.ToLower(value("Extra").String), "auto_increment")}
			}
		}
	})
}

// markOf returns a comment that changes if the types change.
func markOf(types map[string]string) string {
	h := fnv.New32a()
	for _, name := range slices.Sorted(maps.Keys(types)) {
		_, _ = h.Write([]byte(name + " " + types[name] + "\n")) // Write never fails
	}
	return fmt.Sprintf(" /* types %08x */", h.Sum32())
}

// IsOfSchema reports whether the cause of an error may be a column that is gone or has another type than the catalog said, or a
// plain table that has become a table without the system column that marks an insert (0A000). If a value does not fit a
// parameter's type, pgx returns an error of its own, which counts too.
func IsOfSchema(err error) bool {
	state := dialect.SQLState(err)
	return strings.HasPrefix(state, "42") || strings.HasPrefix(state, "22") || state == "0A000" || strings.Contains(err.Error(), "failed to encode args[")
}
