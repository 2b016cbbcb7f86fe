package upsert

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goupsert/upsert/internal/mapping"
	"github.com/goupsert/upsert/internal/write"
	"github.com/jmoiron/sqlx/reflectx"
)

// Option is an option of [New]. If two options of a kind are given, the later one wins.
type Option interface{ apply(*config) error }

type option func(*config) error

func (o option) apply(c *config) error { return o(c) }

type config struct {
	arbiter  arbiter
	columns  []string
	mapper   *reflectx.Mapper
	declared []mapping.MapColumn
	types    map[string]string // by ColumnType
	attempts int
	hooks    []Hooks
	via      Path
	copies   write.CopyFuncs
}

// arbiter is what the options say of the unique index whose conflicts count.
type arbiter struct {
	target     string // of the option Target
	named      bool   // the option Target was given
	where      string
	constraint string
}

// literal is the type of a string that must be a constant. Other packages cannot name this type, so they can only pass a
// constant.
type literal string

// Target picks another conflict target: the columns tagged key=NAME. The columns tagged key are then written by an insert and
// never assigned. If a column is tagged key=NAME only, it is assigned by its own rule under any other target.
func Target(name string) Option {
	return option(func(c *config) error { c.arbiter.target, c.arbiter.named = name, true; return nil })
}

// Columns restricts the table to these columns. The columns of the conflict target must be among them, and the version if there
// is one. The other columns get their DEFAULT on insert and keep their stored value on conflict.
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
// index count as stored: for example, a deleted row of a soft-delete table is never read, compared or changed. If a row that you
// write is outside of the index, the row conflicts with nothing. Such a row is inserted each time you write it, so a repetition
// makes another row. That is why [Table.Guarantee] then promises nothing.
//
// The predicate is SQL text and must be a constant. If the predicate had a bound parameter, PostgreSQL would stop finding the
// index after five executions (hazard P1), and SQLite would never find the index (S3). The predicate names columns without the
// table. Only the insert knows whether a row is in the index. So a batch locks every row that is there, changed or not, and on
// SQLite a batch with [Outcomes] is sent row by row.
func IndexWhere(predicate literal) Option {
	return option(func(c *config) error {
		if strings.TrimSpace(string(predicate)) == "" {
			return errors.New("upsert: IndexWhere: the predicate is empty")
		}
		c.arbiter.where = string(predicate)
		return nil
	})
}

// OnConstraint names the arbiter by its constraint instead of inferring the arbiter from the key's columns, on PostgreSQL only.
// PostgreSQL returns an error if the name belongs to an index that is not a constraint. The first call asks which columns the
// constraint has, and returns a [*SchemaError] if they are not exactly the key's columns.
func OnConstraint(name string) Option {
	return option(func(c *config) error {
		if name == "" {
			return errors.New("upsert: OnConstraint: the name is empty")
		}
		c.arbiter.constraint = name
		return nil
	})
}

// Mapper names the columns as this sqlx mapper does. The default is sqlx's own mapper: the db tag, or the field's name in lower
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

// Retries bounds how often a transaction that the library owns is run again after a deadlock, a serialization failure or a lock
// timeout. Between two attempts the library waits for a random time, which grows. Defaults to 10. With 0, no transaction is run
// again.
func Retries(n int) Option {
	return option(func(c *config) error {
		if n < 0 {
			return fmt.Errorf("upsert: Retries: %d is negative", n)
		}
		c.attempts = 1 + n
		return nil
	})
}

// OnRetry calls f before the library runs a transaction again, with the error of the failed attempt. [WithHooks] tells more.
func OnRetry(f func(error)) Option {
	return option(func(c *config) error {
		if f != nil {
			c.hooks = append(c.hooks, Hooks{Retry: func(_ context.Context, e Event) { f(e.Err) }})
		}
		return nil
	})
}

// PutOption is an option of [Table.PutAll], [Table.PutSeq] and [Table.Put].
type PutOption interface{ applyPut(*putConfig) }

type putOption func(*putConfig)

func (o putOption) applyPut(c *putConfig) { o(c) }

type putConfig struct {
	outcomes  bool
	each      func(int, Outcome)
	progress  func(int64)
	chunked   bool
	chunk     int
	unique    bool
	inOrder   bool
	via       Path
	returning bool
	returned  any // the function of EachReturned, or nil
	// stored receives what is stored under a row's key, if the call wants this.
	stored func(row int, stored reflect.Value)
}

// Outcomes makes the Result tell what happened to the rows. Without Outcomes, the database is not asked and every row is counted
// as Unknown.
func Outcomes() PutOption { return putOption(func(c *putConfig) { c.outcomes = true }) }

// EachOutcome does the same as Outcomes, and calls f for every row of a [Table.PutAll], in the order of the rows. f is called
// when the rows are committed or, in the caller's transaction, when they are written.
func EachOutcome(f func(row int, o Outcome)) PutOption {
	return putOption(func(c *putConfig) { c.outcomes, c.each = true, f })
}

// Progress calls f with the number of rows written so far, once for every statement, on the goroutine of the call. If statements
// are sent in the background, f is called for a statement when the next statement is ready. In an atomic call the rows are
// committed only when the call returns, and if the transaction is run again, the number begins again too. If f panics, the
// transaction is rolled back. So a batch with Progress runs in a transaction even if the batch is a single statement.
func Progress(f func(rows int64)) PutOption { return putOption(func(c *putConfig) { c.progress = f }) }

// ChunkTx commits every n rows in their own transaction, in the caller's order of rows, instead of all rows or none. If a call
// fails, the call returns a [*PartialError]. ChunkTx needs a handle that can begin a transaction.
func ChunkTx(n int) PutOption {
	return putOption(func(c *putConfig) { c.chunked, c.chunk = true, n })
}

// RefuseDuplicates makes the call return [ErrDuplicateKey] if two rows of the batch have the same key, instead of applying the
// rows in order. The option is for [Table.PutAll] only, because PutAll has all rows at hand.
func RefuseDuplicates() PutOption { return putOption(func(c *putConfig) { c.unique = true }) }

// InOrder sends the rows in the caller's order instead of the order of their keys. A call needs InOrder if a row can be written
// only after another row of the call: for example a child after its parent in a table that refers to itself, or a row that takes
// a unique value over from another row. The price: two calls that meet the same rows in different orders can deadlock. After a
// deadlock the library's own transaction is run again, as [Retries] says, and the caller's transaction is lost.
//
// InOrder can be used with [Via](Values), or with Auto, which then means Values. The other paths are refused. On PostgreSQL the
// rows are not compared beforehand, so a row that would change nothing is locked too.
func InOrder() PutOption { return putOption(func(c *putConfig) { c.inOrder = true }) }
