package upsert

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goupsert/upsert/internal/mapping"
	"github.com/jmoiron/sqlx/reflectx"
)

// Option is an option of [New]. Later options win over earlier ones.
type Option interface{ apply(*config) error }

type option func(*config) error

func (o option) apply(c *config) error { return o(c) }

type config struct {
	target     string
	named      bool // a Target was given
	columns    []string
	where      string
	constraint string
	mapper     *reflectx.Mapper
	declared   []mapping.MapColumn
	attempts   int
	onRetry    func(error)
	hooks      []Hooks
	via        Path
	copy       CopyFunc
	register   func(string, func() io.Reader)
	deregister func(string)
}

// literal is a string that only a constant can be given as: its type has no name outside this package.
type literal string

// Column declares a column of rows that are map[string]any, in the order of the calls. It is refused for a struct, whose
// tags say it.
func Column(name string, rule Rule, modifiers ...Modifier) Option {
	return option(func(c *config) error {
		o := mapping.Options{Rule: rule}
		for _, m := range modifiers {
			if err := m(&o); err != nil {
				return fmt.Errorf("upsert: column %q: %w", name, err)
			}
		}
		c.declared = append(c.declared, mapping.MapColumn{Name: name, Options: o})
		return nil
	})
}

// Modifier is what [Column] takes beside the rule, as a tag's modifiers.
type Modifier func(*mapping.Options) error

// OmitZero leaves a zero value to the column's DEFAULT on insert and to the stored value on conflict.
func OmitZero() Modifier {
	return func(o *mapping.Options) error { o.OmitZero = true; return nil }
}

// Now takes the value from the database's clock. It goes with Keep, Fill and Touch.
func Now() Modifier {
	return func(o *mapping.Options) error { o.Now = true; return nil }
}

// InTarget puts the column into the named target, as key=NAME does in a tag.
func InTarget(name string) Modifier {
	return func(o *mapping.Options) error {
		if name == "" || strings.Contains(name, ",") {
			return errors.New("InTarget: a target's name is not empty and has no comma")
		}
		o.AddTarget(name)
		return nil
	}
}

// Target picks the conflict target: the columns tagged key=NAME instead of those tagged key, which are then written by an
// insert and never assigned. A column that is tagged key=NAME only is assigned by its own rule under any other target.
func Target(name string) Option {
	return option(func(c *config) error { c.target, c.named = name, true; return nil })
}

// Columns restricts the table to these columns. Those of the conflict target, and the version if there is one, must be
// among them; the others get their DEFAULT on insert and keep what they have on conflict.
func Columns(names ...string) Option {
	return option(func(c *config) error {
		if len(names) == 0 {
			return errors.New("upsert: Columns: no column is named")
		}
		c.columns = names
		return nil
	})
}

// IndexWhere says that the arbiter is the partial unique index with this predicate, for SQLite and PostgreSQL. Only rows in the
// index count as stored: a deleted row of a soft-delete table is never read, compared or changed. A row that you write and that
// is itself outside of the index conflicts with nothing, so it is inserted each time it is written, and a repetition makes
// another one. That is why [Table.Guarantee] promises nothing then.
//
// The predicate is SQL text and must be a constant: with a bound parameter in it PostgreSQL stops finding the index after five
// executions (hazard P1), and SQLite never finds it (S3). It names columns without the table. Whether a row is in the index
// only the insert knows. So a batch locks every row that is there, changed or not, and on SQLite a batch with [Outcomes] is
// sent row by row.
func IndexWhere(predicate literal) Option {
	return option(func(c *config) error {
		if strings.TrimSpace(string(predicate)) == "" {
			return errors.New("upsert: IndexWhere: the predicate is empty")
		}
		c.where = string(predicate)
		return nil
	})
}

// OnConstraint names the arbiter by its constraint instead of inferring it from the key's columns, on PostgreSQL only. The
// name of an index that is no constraint is an error there. The first call asks which columns the constraint has, and returns a
// [*SchemaError] if they are not exactly the key's.
func OnConstraint(name string) Option {
	return option(func(c *config) error {
		if name == "" {
			return errors.New("upsert: OnConstraint: the name is empty")
		}
		c.constraint = name
		return nil
	})
}

// Mapper names the columns as this sqlx mapper does. The default is sqlx's own: the db tag, or the field's name in lower
// case.
func Mapper(m *reflectx.Mapper) Option {
	return option(func(c *config) error {
		if m == nil {
			return errors.New("upsert: Mapper: the mapper is nil")
		}
		c.mapper = m
		return nil
	})
}

// Retries bounds how often a transaction that the library owns is run again after a deadlock, a serialization failure or a
// lock timeout; between two attempts it waits for a random time that grows. Defaults to 10. 0 never runs one again.
func Retries(n int) Option {
	return option(func(c *config) error {
		if n < 0 {
			return fmt.Errorf("upsert: Retries: %d is negative", n)
		}
		c.attempts = 1 + n
		return nil
	})
}

// OnRetry calls f with the error that makes the library run a transaction again, before it does. [WithHooks] tells more.
func OnRetry(f func(error)) Option {
	return option(func(c *config) error { c.onRetry = f; return nil })
}

// PutOption is an option of [Table.PutAll] and [Table.PutSeq].
type PutOption interface{ applyPut(*putConfig) }

type putOption func(*putConfig)

func (o putOption) applyPut(c *putConfig) { o(c) }

type putConfig struct {
	outcomes bool
	each     func(int, Outcome)
	progress func(int64)
	chunked  bool
	chunk    int
	unique   bool
	inOrder  bool
	via      Path
}

// Outcomes makes the Result tell what happened to the rows. Without it every row is counted as Unknown and the database
// is not asked.
func Outcomes() PutOption { return putOption(func(c *putConfig) { c.outcomes = true }) }

// EachOutcome is Outcomes, and calls f for every row of a [Table.PutAll] in the order of the rows once they are committed
// or, in a transaction of the caller's, written.
func EachOutcome(f func(row int, o Outcome)) PutOption {
	return putOption(func(c *putConfig) { c.outcomes, c.each = true, f })
}

// Progress calls f with the number of rows written so far, once for every statement, on the goroutine of the call: where
// statements are sent in the background it is told of one when the next is ready. In an atomic call the rows are committed
// only when it returns, and the number begins again where a transaction is run again. If f panics, the transaction is rolled
// back, so a batch with Progress is one even if it is a single statement.
func Progress(f func(rows int64)) PutOption { return putOption(func(c *putConfig) { c.progress = f }) }

// ChunkTx commits every n rows in a transaction of their own, in the order they come in, instead of all or none. A call
// that fails returns a [*PartialError]. It needs a handle that can begin a transaction.
func ChunkTx(n int) PutOption {
	return putOption(func(c *putConfig) { c.chunked, c.chunk = true, n })
}

// RefuseDuplicates refuses a batch in which two rows have one key, instead of applying them in order. It is for
// [Table.PutAll] only, which has all rows at hand.
func RefuseDuplicates() PutOption { return putOption(func(c *putConfig) { c.unique = true }) }

// InOrder sends the rows in the caller's order instead of the order of their keys. A call needs it if a row can be written only
// after another row of the call: a child after its parent in a table that refers to itself, or a row that takes a unique value over
// from another row. The price: two calls that meet the same rows in different orders can deadlock. A transaction of the library's is
// then run again, as [Retries] says; a transaction of the caller's is lost.
//
// InOrder goes with [Via](Values) or Auto, which then means Values. The other paths are refused. On PostgreSQL the rows are not
// looked at beforehand, so that a row which would change nothing is locked all the same.
func InOrder() PutOption { return putOption(func(c *putConfig) { c.inOrder = true }) }
