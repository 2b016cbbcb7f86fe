package upsert

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/catalog"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/inside"
	"github.com/goupsert/upsert/internal/mapping"
	"github.com/goupsert/upsert/internal/schema"
	"github.com/goupsert/upsert/internal/sqlname"
	"github.com/goupsert/upsert/internal/statement"
	"github.com/goupsert/upsert/internal/txn"
)

// Table writes rows of type T to a table. A Table is immutable, safe for concurrent use, and bound to no connection.
type Table[T any] struct{ table *table }

// table is the part of a Table that does not depend on the row's type at compile time.
type table struct {
	dialect   dialect.Dialect
	traits    dialect.Traits
	name      string // as given to New
	mapping   *mapping.Mapping
	rows      *mapping.Mapping // what a row must have: if a row is a map, the chosen columns
	cols      []*column        // the columns that are written, in the mapping's order
	keys      []int            // indexes in cols of the target's columns
	keyPlace  []int            // for each column in cols, its place in keys, or -1
	generated []*column
	versioned bool
	merges    bool
	adds      bool
	guarantee Guarantee
	hooks     []Hooks
	via       Path
	copies    copyFuncs
	spec      schema.Spec
	stmts     *statement.Builder
	peers     *dbconn.Peers
	txn       *txn.Runner
	catalog   *catalog.Cache
	checks    *catalog.Checks
	reporter  reporter
}

type column = mapping.Column

// New binds a row's type to a table of a database. The type is a struct whose tags say which columns the struct has and what a
// conflict does to each column, or map[string]any with the columns given by [Column]. name may be qualified by a schema
// ("app.accounts"). A part with a dot in it is put in double quotes.
//
// New checks everything that can be checked without a server. New returns a [*TagError] if a tag is wrong or a key is missing, a
// [*dialect.UnsupportedError] if the database lacks a feature, and an error that names the option if an option does not fit.
func New[T any](d dialect.Dialect, name string, opts ...Option) (*Table[T], error) {
	if d == nil {
		return nil, errors.New("upsert: New: the dialect is nil: use one of package dialect, or dialect.Detect")
	}
	c := config{attempts: 11}
	for _, o := range opts {
		if o == nil {
			return nil, errors.New("upsert: New: an option is nil")
		}
		if err := o.apply(&c); err != nil {
			return nil, err
		}
	}
	p, err := planOf(reflect.TypeFor[T](), &c)
	if err != nil {
		return nil, err
	}
	t := &table{dialect: d, traits: d.Traits(), name: name, mapping: p, rows: p, hooks: c.hooks, via: c.via, peers: &dbconn.Peers{}}
	t.txn = &txn.Runner{Attempts: c.attempts, Immediate: t.traits.Immediate}
	if t.traits.Typed {
		t.txn.Peers = t.peers
	}
	if f := c.onRetry; f != nil {
		t.hooks = append(t.hooks, Hooks{Retry: func(_ context.Context, e Event) { f(e.Err) }})
	}
	if len(t.hooks) > 0 {
		t.txn.Retried = func(ctx context.Context, attempt int, err error) { t.watchOf(ctx).retries(ctx, attempt, err) }
	}
	t.copies = copyFuncs{through: c.copy, register: c.register, deregister: c.deregister}
	for _, step := range []func(*config) error{t.setName, t.setColumns, t.setTarget, t.checkIdents, t.checkText} {
		if err := step(&c); err != nil {
			return nil, err
		}
	}
	return &Table[T]{t}, nil
}

func planOf(row reflect.Type, c *config) (*mapping.Mapping, error) {
	if row != mapping.MapType {
		if len(c.declared) > 0 {
			return nil, fmt.Errorf("upsert: Column %q is given for %s: its tags say its columns", c.declared[0].Name, row)
		}
		return mapping.OfStruct(row, c.mapper)
	}
	if len(c.declared) == 0 {
		return nil, errors.New("upsert: a map[string]any has no columns of its own: give New a Column option for each")
	}
	return mapping.OfMap(c.declared)
}

func (t *table) setName(*config) (err error) {
	if t.spec.Table, err = sqlname.Parse(t.dialect, t.name); err != nil {
		return fmt.Errorf("upsert: table name %q: %w", t.name, err)
	}
	return nil
}

// setColumns chooses the columns that are written and read back.
func (t *table) setColumns(c *config) error {
	chosen := func(string) bool { return true }
	if c.columns != nil {
		for i, name := range c.columns {
			switch {
			case t.mapping.Index(name) < 0:
				return t.unknownColumn("Columns", name)
			case slices.Contains(c.columns[:i], name):
				return fmt.Errorf("upsert: Columns: %q is there twice", name)
			}
		}
		chosen = func(name string) bool { return slices.Contains(c.columns, name) }
	}
	version := ""
	for i := range t.mapping.Columns {
		col := &t.mapping.Columns[i]
		if col.Rule == Version {
			if version != "" {
				return &TagError{Type: t.mapping.Type, Field: col.Field, Reason: "a row has one version, and " + version + " is it already"}
			}
			version = col.Field
			if !chosen(col.Name) {
				return fmt.Errorf("upsert: Columns: the version %q must be among them, or a late row would undo a newer one", col.Name)
			}
		}
		switch {
		case !chosen(col.Name):
		case col.Rule == Generated:
			t.generated = append(t.generated, col)
		default:
			t.cols = append(t.cols, col)
		}
	}
	if t.mapping.IsMap() {
		t.rows = t.mapping.Subset(chosen)
	}
	return nil
}

func (t *table) unknownColumn(option, name string) error {
	var known []string
	for _, col := range t.mapping.Columns {
		known = append(known, col.Name)
	}
	if near := mapping.Nearest(name, known); near != "" {
		return fmt.Errorf("upsert: %s: %s has no column %q: is %q meant?", option, t.mapping.Type, name, near)
	}
	return fmt.Errorf("upsert: %s: %s has no column %q: it has %s", option, t.mapping.Type, name, strings.Join(known, ", "))
}

// setTarget finds the key's columns and derives the fields that follow from the columns.
func (t *table) setTarget(c *config) error {
	if c.named && c.target == "" {
		return errors.New("upsert: Target: the name is empty: leave the option out for the columns tagged key")
	}
	if c.where != "" && c.constraint != "" {
		return errors.New("upsert: IndexWhere and OnConstraint exclude each other: a constraint has no predicate")
	}
	t.spec.Dialect, t.spec.Generated = t.dialect, columnNames(t.generated)
	t.spec.Target = dialect.Target{Where: c.where, Constraint: c.constraint}
	var omits []bool
	for i, col := range t.cols {
		w := dialect.Column{Name: col.Name, Rule: col.Rule, Kind: col.Kind, Now: col.Now}
		place := -1
		if slices.Contains(col.Targets, c.target) {
			w.Rule, place = Key, len(t.keys)
			t.keys = append(t.keys, i)
			t.spec.Target.Columns = append(t.spec.Target.Columns, col.Name)
		}
		if col.OmitZero {
			t.spec.Zeros = append(t.spec.Zeros, i)
		}
		t.keyPlace = append(t.keyPlace, place)
		t.spec.Writes, omits = append(t.spec.Writes, w), append(omits, col.OmitZero)
		t.versioned = t.versioned || w.Rule == Version
		t.merges = t.merges || w.Rule == Merge
		t.adds = t.adds || w.Rule == Add
	}
	if err := t.checkTarget(c); err != nil {
		return err
	}
	t.guarantee = guaranteeOf(t.spec.Writes, t.spec.Target, omits)
	t.stmts = statement.New(t.spec)
	t.reporter = newReporter(t)
	t.catalog, t.checks = catalog.New(t.spec, t.stmts.Forget), catalog.NewChecks(t.spec, t.txn)
	switch {
	case len(t.spec.Zeros) > 64:
		return &TagError{Type: t.mapping.Type, Reason: "more than 64 columns have omitzero"}
	case t.stmts.RowsMax() == 0:
		return &dialect.UnsupportedError{Feature: fmt.Sprintf("statement with %d parameters", dialect.Params(t.spec.Writes)), Dialect: t.dialect.Name(), Hint: "choose fewer with Columns"}
	}
	return nil
}

// checkTarget returns an error if the key, or a part of it, is missing.
func (t *table) checkTarget(c *config) error {
	var others []string
	for i := range t.mapping.Columns {
		col := &t.mapping.Columns[i]
		inTarget := slices.Contains(col.Targets, c.target)
		if inTarget && !slices.Contains(t.spec.Target.Columns, col.Name) {
			return fmt.Errorf("upsert: Columns: the key column %q must be among them", col.Name)
		}
		for _, name := range col.Targets {
			if name != "" && !slices.Contains(others, name) {
				others = append(others, name)
			}
		}
	}
	if len(t.keys) > 0 {
		return nil
	}
	if c.named {
		if near := mapping.Nearest(c.target, others); near != "" {
			return fmt.Errorf("upsert: Target: no field is tagged key=%s: is %q meant?", c.target, near)
		}
		return fmt.Errorf("upsert: Target: no field is tagged key=%s", c.target)
	}
	reason := "no field is tagged `upsert:\"key\"`: say what makes a row the same row"
	if len(others) > 0 {
		reason += ", or pick one of its targets with Target: " + strings.Join(others, ", ")
	}
	return &TagError{Type: t.mapping.Type, Reason: reason}
}

func (t *table) checkIdents(*config) error {
	check := func(what, name string) error {
		if err := t.dialect.CheckIdent(name); err != nil {
			return fmt.Errorf("upsert: %s: %s", what, strings.TrimPrefix(err.Error(), "upsert: "))
		}
		return nil
	}
	for _, col := range t.mapping.Columns {
		if err := check("field "+col.Field, col.Name); err != nil {
			return err
		}
	}
	if err := t.checkCase(); err != nil {
		return err
	}
	if t.spec.Target.Constraint != "" {
		return check("OnConstraint", t.spec.Target.Constraint)
	}
	return nil
}

// checkCase refuses two columns whose names the database takes for one name.
func (t *table) checkCase() error {
	seen := map[string]*column{}
	for _, col := range t.all() {
		name := strings.ToLower(col.Name)
		if other := seen[name]; other != nil && t.traits.FoldsNames {
			return &TagError{Type: t.mapping.Type, Field: col.Field, Reason: fmt.Sprintf("column %q differs from %q of %s by case alone, so that they are one column to %s: rename one, or leave one out with `db:\"-\"`", col.Name, other.Name, other.Field, t.dialect.Name())}
		}
		seen[name] = col
	}
	return nil
}

// checkText writes the text of one statement, so that New returns the error if the database lacks a feature.
func (t *table) checkText(*config) error {
	_, err := t.stmts.Plain(statement.Variant{Mode: dialect.Write, Rows: 1})
	return err
}

// Guarantee reports the weakest promise among the columns' rules, and no promise with [IndexWhere].
func (t *Table[T]) Guarantee() Guarantee { return t.table.guarantee }

// all returns every column, written and generated.
func (t *table) all() []*column { return slices.Concat(t.cols, t.generated) }

func columnNames(cols []*column) []string {
	var names []string
	for _, c := range cols {
		names = append(names, c.Name)
	}
	return names
}

func isNil(db dbconn.Handle) bool {
	v := reflect.ValueOf(db)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// guard refuses a handle that is nil, a handle whose driver speaks to another database than the dialect's, and a pool inside the
// fn of a claim on the same pool. If the table has an Add column, guard also refuses a handle that is not a live claim.
func (t *table) guard(ctx context.Context, db dbconn.Handle) error {
	if isNil(db) {
		return &RowError{Table: t.name, Row: -1, Err: errors.New("the handle is nil: give the call a *sql.DB, *sql.Conn or *sql.Tx, or one of sqlx's")}
	}
	if driver, family := dbconn.FamilyOf(db); family != "" && family != dialect.Family(t.dialect) {
		return &RowError{Table: t.name, Row: -1, Err: fmt.Errorf("New was given the dialect %s, and the handle's driver %s speaks to another database: dialect.Detect tells the handle's dialect", t.dialect.Name(), driver)}
	}
	if err := inside.Refuse(ctx, db); err != nil {
		return &RowError{Table: t.name, Row: -1, Err: err}
	}
	if !t.adds {
		return nil
	}
	claim, ok := db.(Claim)
	if !ok {
		return &RowError{Table: t.name, Row: -1, Err: ErrUnguarded}
	}
	if err := claim.UpsertClaim(); err != nil {
		return &RowError{Table: t.name, Row: -1, Err: fmt.Errorf("%w: the claim: %w", ErrUnguarded, err)}
	}
	return nil
}
