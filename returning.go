package upsert

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/goupsert/upsert/internal/write"
)

// Returning fills the caller's rows with what is stored under their keys: every column of T, also generated columns, columns that
// got their DEFAULT, columns of the database's clock and columns that kept their stored value. A row that was not written, because
// it is unchanged or stale, is filled too. If two rows of a call have one key, both get the last state. [Table.PutAll] fills the
// elements of its slice, and a map gets the chosen columns. Fields that are no columns stay as they are.
//
// The rows are filled after the call has succeeded: after the commit if the library commits, and after the write in the caller's
// transaction. If the call fails, or an attempt is run again, the rows are as they were. With [ChunkTx] the rows of a chunk are
// filled when the chunk is committed; a row whose key comes again in a later chunk gets the last state when the call ends, also if
// the call ends with a [*PartialError].
//
// The library reads the rows by their keys after the write, in the transaction of the write. So the rows have what triggers have
// made of them, and a row that is written in one statement without Returning takes a transaction. A batch is read with a statement
// for 256 keys (SQLite), 500 keys (MySQL and MariaDB) or 1,000 keys (PostgreSQL). On PostgreSQL a batch neither writes nor locks a
// row that is unchanged, so the row that is read may be what another transaction has committed since. With [IndexWhere] each row
// is sent in a statement that returns the row, because a row outside of the index cannot be found by its key: a batch then takes
// as many statements as it has rows, and two rows of one key each get what was stored after their own write.
//
// A handle that neither begins a transaction nor is one, which means that it has no BeginTx, and not both Commit and Rollback, is
// refused, because between its two statements another transaction could write. If no row is visible under a key after the write,
// the call returns a [*RowError] and, if the transaction is the library's, keeps nothing. This happens if a policy hides the row,
// or if a trigger changes the row's key or deletes the row.
func Returning() PutOption { return putOption(func(c *putConfig) { c.returning = true }) }

// EachReturned calls f for each row of a [Table.PutSeq] or [Table.PutAll], in the order of the rows, with what is stored under the
// row's key, which [Returning] describes. T must be the type of the table's rows; otherwise the call returns an error. Fields that
// are no columns are zero. row is the row's index in the call, from 0.
//
// f is called when the rows are committed or, in the caller's transaction, when all rows are written. Until then, what is stored
// is held in memory, the whole sequence unless [ChunkTx] commits before. Two rows of one key get the last state. If they are in
// different chunks, each row gets what was stored after its own chunk, because f is called when a chunk is committed.
func EachReturned[T any](f func(row int, stored T)) PutOption {
	return putOption(func(c *putConfig) { c.returned = f })
}

// returnStored makes a call hand on what is stored. fill stores it in the caller's rows.
func (t *Table[T]) returnStored(c *putConfig, fill func(row int, stored reflect.Value)) error {
	var f func(int, T)
	if c.returned != nil {
		var ok bool
		if f, ok = c.returned.(func(int, T)); !ok {
			return fmt.Errorf("upsert: EachReturned: the function is a %T, and the table's rows are of type %s: give it a func(row int, stored %[2]s)", c.returned, reflect.TypeFor[T]())
		}
		if f == nil {
			return errors.New("upsert: EachReturned: the function is nil")
		}
	}
	if !c.returning && f == nil {
		return nil
	}
	c.stored = func(row int, stored reflect.Value) {
		if c.returning {
			fill(row, stored)
		}
		if f != nil {
			f(row, stored.Interface().(T)) //nolint:forcetypeassert // the rows were made of this type
		}
	}
	return nil
}

// oneRowConfig returns the options of a call with a single row. It refuses the options that say how a batch is cut, what is told
// of its parts and what two of its rows mean.
func (t *table) oneRowConfig(opts []PutOption) (*putConfig, error) {
	cfg := &putConfig{}
	for _, o := range opts {
		if o == nil {
			return nil, errNilPutOption
		}
		o.applyPut(cfg)
	}
	switch {
	case cfg.chunked:
		return nil, errors.New("upsert: ChunkTx is for PutAll and PutSeq: a single row is committed as it is, so leave the option out")
	case cfg.unique:
		return nil, errors.New("upsert: RefuseDuplicates is for PutAll: a single row has no duplicates, so leave the option out")
	case cfg.progress != nil:
		return nil, errors.New("upsert: Progress is for PutAll and PutSeq: a single row is done when the call returns, so leave the option out")
	case cfg.returned != nil:
		return nil, errors.New("upsert: EachReturned is for PutSeq and PutAll: give the call Returning, which fills its row")
	}
	return cfg, nil
}

// putWith writes one row with options: with put, or with putReturning if the row is to be filled with what is stored.
func (t *Table[T]) putWith(opts []PutOption, row *T, put, putReturning func(reflect.Value) (write.Outcome, error)) (Outcome, error) {
	cfg, err := t.table.oneRowConfig(opts)
	if err != nil {
		return Unknown, err
	}
	if cfg.returning {
		put = putReturning
	}
	o, err := put(reflect.ValueOf(row).Elem())
	if err != nil {
		return Unknown, t.table.fail(err)
	}
	if cfg.each != nil {
		cfg.each(0, Outcome(o))
	}
	return Outcome(o), nil
}

var errNilPutOption = errors.New("upsert: a put option is nil")
