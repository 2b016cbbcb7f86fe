package upsert

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/ddl"
	"github.com/goupsert/upsert/internal/inside"
	"github.com/goupsert/upsert/internal/schema"
	"github.com/goupsert/upsert/internal/write"
)

// Table writes rows of type T to a table. A Table is immutable, safe for concurrent use, and bound to no connection.
type Table[T any] struct{ table *table }

// table is the part of a Table that does not depend on the row's type at compile time.
type table struct {
	name      string // as given to New
	dialect   string // the dialect's name
	family    string // of the dialect's database
	write     *write.Table
	guarantee Guarantee
	adds      bool // a rule is not repeat-safe, so a call needs a claim
	via       Path
	hooks     []Hooks
	spec      schema.Spec
	layout    ddl.Table // the table as Schema makes it
}

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
	p, err := mappingOf(reflect.TypeFor[T](), &c)
	if err != nil {
		return nil, err
	}
	df := &definition{name: name, mapping: p, needs: p, spec: schema.Spec{Dialect: d}}
	for _, step := range []func(*config) error{df.setName, df.setColumns, df.setTarget, df.checkIdents, df.setLayout} {
		if err := step(&c); err != nil {
			return nil, err
		}
	}
	t := &table{name: name, guarantee: df.guarantee, adds: df.adds, via: c.via, family: dialect.Family(d), dialect: d.Name(), hooks: c.hooks, spec: df.spec, layout: df.layout}
	if t.write, err = df.newWriter(&c, t.events()); err != nil {
		return nil, err
	}
	return &Table[T]{t}, nil
}

// Guarantee reports the weakest promise among the columns' rules, and no promise with [IndexWhere].
func (t *Table[T]) Guarantee() Guarantee { return t.table.guarantee }

func isNil(db dbconn.Handle) bool {
	v := reflect.ValueOf(db)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// checkHandle refuses a handle that is nil, a handle whose driver speaks to another database than the dialect's, and a pool inside
// the fn of a claim on the same pool.
func (t *table) checkHandle(ctx context.Context, db dbconn.Handle) error {
	if isNil(db) {
		return &RowError{Table: t.name, Row: -1, Err: errors.New("the handle is nil: give the call a *sql.DB, *sql.Conn or *sql.Tx, or one of sqlx's")}
	}
	if driver, family := dbconn.FamilyOf(db); family != "" && family != t.family {
		return &RowError{Table: t.name, Row: -1, Err: fmt.Errorf("New was given the dialect %s, and the handle's driver %s speaks to another database: dialect.Detect tells the handle's dialect", t.dialect, driver)}
	}
	return t.checkPlace(ctx, db)
}

// checkPlace refuses a call inside the fn of a claim that would not be a part of the claim.
func (t *table) checkPlace(ctx context.Context, db dbconn.Handle) error {
	if err := inside.Refuse(ctx, db); err != nil {
		return &RowError{Table: t.name, Row: -1, Err: err}
	}
	return nil
}

// guard does what checkHandle does. If the table has an Add column, guard also refuses a handle that is not a live claim.
func (t *table) guard(ctx context.Context, db dbconn.Handle) error {
	if err := t.checkHandle(ctx, db); err != nil {
		return err
	}
	return t.checkClaim(db)
}

// checkClaim refuses a handle that is not a live claim, if the table has an Add column.
func (t *table) checkClaim(db dbconn.Handle) error {
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

// SQL returns the statement and the arguments that PutAll would send for rows, to look at and for golden tests. The rows must fit
// one statement, and no two rows may have the same key; otherwise SQL returns an error. Without rows, SQL returns the text for
// one row and no arguments. The text depends only on the table and the number of rows.
//
// On PostgreSQL the verbs also ask for the columns' types. The verbs compare by these types, bind as text the values that drivers
// would encode in different ways, and name the types in a comment. SQL asks no server.
func (t *Table[T]) SQL(rows ...T) (query string, args []any, err error) {
	query, args, err = t.table.write.SQL(write.RowsOf(reflect.ValueOf(rows), 0))
	return query, args, t.table.fail(err)
}
