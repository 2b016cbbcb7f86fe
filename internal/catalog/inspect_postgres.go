package catalog

import (
	"context"
	"database/sql"

	"github.com/goupsert/upsert/internal/catalogsql"
	"github.com/goupsert/upsert/internal/schema"
)

// postgresReader reads PostgreSQL's catalog. What the verbs ask too comes from the question of the verbs.
type postgresReader struct{ i *Inspector }

var computedWords = map[string]schema.Computed{"generated": schema.Generated, "always": schema.IdentityAlways, "identity": schema.Identity}

func (r *postgresReader) relation(ctx context.Context, q catalogsql.Questions, l *schema.Live) error {
	return r.i.readRelation(ctx, q.Relation, l)
}

func (r *postgresReader) columns(ctx context.Context, q catalogsql.Query, l *schema.Live) (err error) {
	if l.Facts, err = r.i.cache.Ask(ctx, r.i.h); err != nil {
		return err
	}
	return r.i.each(ctx, q, func(rows *sql.Rows) error {
		var c schema.LiveColumn
		var computed, lacks string
		err := rows.Scan(&c.Name, &c.Collation, &c.NotNull, &c.Default, &computed, &lacks, &c.Sequence)
		c.Type, c.Computed, c.Lacks = l.Facts.Columns[c.Name].Exact, computedWords[computed], words(lacks)
		c.Default = c.Default || c.Computed == schema.Identity || c.Computed == schema.IdentityAlways
		l.Columns = append(l.Columns, c)
		return err
	})
}

func (r *postgresReader) indexes(ctx context.Context, q catalogsql.Query, l *schema.Live) error {
	return r.i.readIndexes(ctx, q, l)
}

func (r *postgresReader) triggers(ctx context.Context, q catalogsql.Query, l *schema.Live) error {
	return r.i.readTriggers(ctx, q, l)
}

// complete asks about the key's collations, and whether the predicate of a partial index is the target's.
func (r *postgresReader) complete(ctx context.Context, l *schema.Live) (err error) {
	key := r.i.keyColumns(l)
	for _, c := range key {
		facts := l.Facts.Columns[c.Name]
		if !facts.Folds && facts.Base != "bpchar" {
			continue
		}
		if c.Folds, err = r.i.askFoldings(ctx, catalogsql.PostgresEqual(facts.Type, c.Collation)); err != nil {
			return err
		}
	}
	if key == nil || r.i.spec.Target.Where == "" || !l.IsTable() {
		return nil
	}
	return r.inSavepoint(ctx, func() (err error) {
		l.RefusesTarget, err = r.i.refusesTarget(ctx)
		return err
	})
}

// inSavepoint calls f, and undoes an error of the server. If there is no transaction, there is nothing to undo.
func (r *postgresReader) inSavepoint(ctx context.Context, f func() error) error {
	if _, err := r.i.h.ExecContext(ctx, catalogsql.Savepoint); err != nil {
		return f()
	}
	err := f()
	if _, back := r.i.h.ExecContext(ctx, catalogsql.Back); err == nil {
		err = back
	}
	if _, release := r.i.h.ExecContext(ctx, catalogsql.Release); err == nil {
		err = release
	}
	return err
}
