package catalog

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/catalogsql"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/schema"
	"github.com/goupsert/upsert/internal/stmtcache"
	"github.com/goupsert/upsert/internal/txn"
)

// Checks are the questions about a table that a call asks before it writes on a pool, if the database lets a row go wrong
// silently. Checks remembers on which pools it has asked. A transaction or a single connection does not say which pool it belongs
// to, so all of them count as one.
type Checks struct {
	spec  schema.Spec
	text  dialect.IndexText
	txn   *txn.Runner
	pools dbconn.Recent[struct{}]
	other atomic.Bool
	hides atomic.Bool
	index atomic.Pointer[string] // the name of the target's unique index, once it is known
	// triggers means that Check asks whether the table has triggers.
	triggers bool
}

// NewChecks returns Checks that have asked nothing. runner sends the questions.
func NewChecks(spec schema.Spec, runner *txn.Runner) *Checks {
	return &Checks{spec: spec, text: spec.Dialect.UniqueIndex(spec.Table, spec.Target.Columns), txn: runner}
}

// AskForTriggers makes Check ask whether the table has triggers, because a trigger would hide the outcome of a row. AskForTriggers
// must be called before the first Check.
func (c *Checks) AskForTriggers() { c.triggers = true }

// NamesIndexes reports whether UniqueIndexes can ask for the unique indexes.
func (c *Checks) NamesIndexes() bool { return c.text.Ask != "" }

// HidesOutcome reports whether a trigger may hide the outcome that a statement's result would tell (hazard H23).
func (c *Checks) HidesOutcome() bool { return c.hides.Load() }

// SetHidesOutcome notes that a trigger hides the outcome.
func (c *Checks) SetHidesOutcome() { c.hides.Store(true) }

// Check refuses a table in which no unique index has exactly the target's columns, on a database that would then insert each
// row again (hazard H24). It also refuses a session that is not strict (hazard H29), and finds out whether the table has
// triggers, if triggers matter. Check asks once for each pool, and once for all handles that do not say which pool they
// belong to.
//
// If the server cannot answer, the call goes on: for a view, and for a table on which the user lacks a right that SHOW INDEX
// needs. The call also goes on if the table does not exist, because the statement's error is better.
func (c *Checks) Check(ctx context.Context, h dbconn.Handle) error {
	if c.text.Ask == "" || c.isAsked(h) {
		return nil
	}
	for r := c.txn.Retry(!dbconn.CanBegin(h)); ; {
		err := c.askIndex(ctx, h)
		if again, err := r.Next(ctx, err); !again {
			return err
		}
	}
}

func (c *Checks) askIndex(ctx context.Context, h dbconn.Handle) error {
	err := c.checkMode(ctx, h)
	found, view := false, false
	if err == nil {
		found, err = c.findIndex(ctx, h)
	}
	if err == nil && !found {
		if view, err = isView(ctx, h, c.text.Kind); err == nil && !view {
			return c.noIndex()
		}
	}
	if err == nil {
		err = c.lookForTriggers(ctx, h, view)
	}
	number, isServers := dialect.MySQLNumber(err)
	switch {
	case err == nil, isServers && lacksRight(number):
		c.setAsked(h)
		return nil
	case isServers && dialect.Classify(err) == dialect.Permanent:
		return nil
	}
	return err
}

// lacksRight reports whether a server's error says that the user may not ask, or that a view is broken.
func lacksRight(number int) bool {
	switch number {
	case 1044, 1142, 1143, 1227, 1356:
		return true
	}
	return false
}

func (c *Checks) noIndex() error {
	return &schema.Error{Problems: []schema.Problem{{
		Check: schema.NoUniqueIndex, Column: strings.Join(c.spec.Target.Columns, ", "),
		Why:  "no unique index has exactly the key's columns (" + strings.Join(c.spec.Target.Columns, ", ") + "), so " + c.spec.Dialect.Name() + " would insert a row again each time that it is written",
		Find: c.text.Find, Mend: c.text.Mend,
	}}}
}

// findIndex reports whether one of the table's unique indexes has exactly the target's columns. A prefix index serves as well,
// because equal values have equal prefixes, and the statement compares whole values.
func (c *Checks) findIndex(ctx context.Context, h dbconn.Handle) (bool, error) {
	indexes, err := c.UniqueIndexes(ctx, h)
	at := slices.IndexFunc(indexes, func(x UniqueIndex) bool { return x.Has(c.spec.Target.Columns) })
	if at >= 0 {
		c.index.Store(&indexes[at].Name)
	}
	return at >= 0, err
}

// TargetIndex returns the name of a unique index that has exactly the target's columns. If there is none, as for a view, or if the
// user may not ask, TargetIndex returns "". TargetIndex asks only if no earlier question was answered.
func (c *Checks) TargetIndex(ctx context.Context, h dbconn.Handle) (string, error) {
	if name := c.index.Load(); name != nil {
		return *name, nil
	}
	found, err := c.findIndex(ctx, h)
	if number, isServers := dialect.MySQLNumber(err); isServers && lacksRight(number) {
		return "", nil
	}
	if err != nil || !found {
		return "", err
	}
	return *c.index.Load(), nil
}

// ForgetIndex makes TargetIndex ask again, because the table of another database may have another index.
func (c *Checks) ForgetIndex() { c.index.Store(nil) }

// UniqueIndexes asks for the table's unique indexes, and returns them in the order in which the server checks them.
func (c *Checks) UniqueIndexes(ctx context.Context, h dbconn.Handle) (indexes []UniqueIndex, err error) {
	rows, err := h.QueryContext(ctx, c.text.Ask)
	if err != nil {
		return nil, err
	}
	err = eachNamed(rows, func(value func(string) sql.NullString) {
		if value("Non_unique").String != "0" {
			return
		}
		name := value("Key_name").String
		if n := len(indexes); n == 0 || indexes[n-1].Name != name {
			indexes = append(indexes, UniqueIndex{Name: name})
		}
		last := &indexes[len(indexes)-1]
		last.Columns = append(last.Columns, value("Column_name").String)
	})
	return indexes, err
}

// isView reports whether the table's name belongs to a view.
func isView(ctx context.Context, h dbconn.Handle, kind string) (bool, error) {
	rows, err := h.QueryContext(ctx, kind) //nolint:rowserrcheck // Each checks it
	if err != nil {
		return false, err
	}
	columns, err := rows.Columns()
	if reading := txn.Each(rows, func() error { return nil }); err == nil {
		err = reading
	}
	return err == nil && len(columns) > 0 && columns[0] == "View", err
}

// eachNamed calls f for every row with a function that returns a column's value by its name, because servers and versions differ
// in the columns that they return, and in their order.
func eachNamed(rows *sql.Rows, f func(value func(column string) sql.NullString)) error {
	columns, err := rows.Columns()
	values, dest := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		dest[i] = &values[i]
	}
	reading := txn.Each(rows, func() error {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		f(func(column string) (value sql.NullString) {
			if i := slices.Index(columns, column); i >= 0 {
				value = values[i]
			}
			return value
		})
		return nil
	})
	if err == nil {
		err = reading
	}
	return err
}

func (c *Checks) isAsked(h dbconn.Handle) bool {
	switch h.(type) {
	case *stmtcache.Pool, *stmtcache.Handle: // Prepare has asked
		return true
	}
	if !isPool(h) {
		return c.other.Load()
	}
	_, ok := c.pools.Get(h)
	return ok
}

func (c *Checks) setAsked(h dbconn.Handle) {
	if isPool(h) {
		c.pools.Add(h, struct{}{})
	} else {
		c.other.Store(true)
	}
}

func isPool(h dbconn.Handle) bool {
	_, pool := h.(dbconn.Connector)
	_, conn := h.(dbconn.Rawer)
	return pool || dbconn.CanBegin(h) && !conn
}

// lookForTriggers asks, if Check is to ask, whether the table may have triggers that hide the outcome in a statement's result. The triggers of a
// view's tables are not looked up, so a view counts as having triggers. To a user without the right TRIGGER, the server says that
// there are no triggers.
func (c *Checks) lookForTriggers(ctx context.Context, h dbconn.Handle, view bool) error {
	if !c.triggers || c.hides.Load() {
		return nil
	}
	n := 1
	if !view {
		_, err := c.txn.QueryRow(ctx, h, "SELECT COUNT(*) FROM information_schema.triggers WHERE event_object_schema = COALESCE(NULLIF(?, ''), DATABASE()) AND event_object_table = ?",
			[]any{c.spec.Table.Schema, c.spec.Table.Name}, []any{&n})
		if err != nil {
			return err
		}
	}
	if n > 0 {
		c.hides.Store(true)
	}
	return nil
}

// Mode returns the session's sql_mode.
func (c *Checks) Mode(ctx context.Context, h dbconn.Handle) (mode string, err error) {
	_, err = c.txn.QueryRow(ctx, stmtcache.Unwrap(h), catalogsql.MySQLMode, nil, []any{&mode})
	return mode, err
}

// checkMode refuses a session that is not strict, because such a session cuts values that do not fit, and a key that is cut is
// the key of another row (hazard H29).
func (c *Checks) checkMode(ctx context.Context, h dbconn.Handle) error {
	mode, err := c.Mode(ctx, h)
	if err != nil || strings.Contains(mode, "STRICT_") {
		return err
	}
	return &dialect.UnsupportedError{
		Feature: "strict mode in this session (sql_mode is '" + mode + "'), and cuts what does not fit, a key too", Dialect: c.spec.Dialect.Name(),
		Hint: "add STRICT_TRANS_TABLES to sql_mode, in the DSN or on the server",
	}
}
