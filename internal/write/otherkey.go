package write

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
)

// errFolded says that Compare found a stored key that is equal to the sent key only under a collation.
var errFolded = errors.New("the stored key has other bytes than the sent key")

// otherKeyError says how a row met another row. It keeps the driver's error and has the same class on every database.
type otherKeyError struct {
	err    error
	target []string // the conflict target's columns
	index  string   // the unique index that the row met, if the driver's error does not name it
	key    string   // the columns and the values that the two rows share
}

func (e *otherKeyError) Error() string {
	target := "(" + strings.Join(e.target, ", ") + ")"
	switch {
	case e.index != "":
		return "another row has the same values in the unique index " + e.index + ", which is not the conflict target " + target + ": " + e.key
	case !isOtherKey(e.err):
		return "another row has the same values in a unique key that is not the conflict target " + target + ": " + e.err.Error()
	case e.key != "":
		return "another row has a key " + target + " that is the same only to a collation or a type, and not byte by byte: " + e.key
	}
	return ErrOtherKey.Error() + ": the conflict target is " + target
}

func (e *otherKeyError) Unwrap() []error      { return []error{ErrOtherKey, e.err} }
func (e *otherKeyError) Class() dialect.Class { return dialect.UniqueViolation }

// isOtherKey reports whether a statement of the library refused a row because the row met another row. The error does not say
// how.
func isOtherKey(err error) bool { return errors.Is(err, errFolded) || dialect.IsOtherKey(err) }

// otherKey adds to such an error how the row met the other row.
func (k *keyedRows) otherKey(ctx context.Context, db dbconn.Handle, i int32, err error) error {
	var known *otherKeyError
	if !isOtherKey(err) || errors.As(err, &known) {
		return err
	}
	met := &otherKeyError{err: err, target: k.table.spec.Target.Columns, key: keyText(k.table.spec.Target.Columns, k.keyed.Values(i))}
	if k.table.checks.NamesIndexes() && ctx.Err() == nil {
		met.key = ""
		met.ask(ctx, db, k, i)
	}
	return met
}

// ask finds the unique index through which the row meets another row. On MySQL and MariaDB any unique index can be the one. ask
// only improves the error's text: if the server does not answer, the text says less.
func (e *otherKeyError) ask(ctx context.Context, db dbconn.Handle, k *keyedRows, i int32) {
	indexes, err := k.table.checks.UniqueIndexes(ctx, db)
	if err != nil {
		return
	}
	sent, err := k.sentValues(i)
	if err != nil {
		return
	}
	for _, index := range indexes {
		var values []any
		for _, c := range index.Columns {
			if v, ok := sent[strings.ToLower(c)]; ok {
				values = append(values, v)
			}
		}
		if len(values) != len(index.Columns) { // the index has an expression, or a column that gets its DEFAULT
			continue
		}
		find := dialect.Find{Table: k.table.spec.Table, Target: dialect.Target{Columns: index.Columns}, Return: index.Columns[:1], Lock: !dbconn.CanBegin(db)}
		var stored any
		if found, err := k.table.txn.QueryRow(ctx, db, k.table.spec.Dialect.Find(find), values, []any{&stored}); err != nil || !found {
			continue
		}
		e.key = keyText(index.Columns, values)
		if !index.Has(k.table.spec.Target.Columns) {
			e.index = index.Name
		}
		return
	}
}

// sentValues returns the values that a row's statement has for the columns, by the column's name in lower case.
func (k *keyedRows) sentValues(i int32) (map[string]any, error) {
	omit := k.findOmitted(i)
	to := argEncoder{table: k.table}
	if err := k.encodeArgs(&to, i, omit); err != nil {
		return nil, err
	}
	values := map[string]any{}
	for c := range k.table.rows.cols {
		if k.table.stmts.Sends(omit, c) {
			values[strings.ToLower(k.table.spec.Writes[c].Name)] = to.args[len(values)]
		}
	}
	return values, nil
}

// keyText returns the text of a key, in PostgreSQL's style.
func keyText(columns []string, values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprint(v)
		if raw, ok := v.([]byte); ok {
			texts[i] = fmt.Sprintf("0x%x", raw)
		}
	}
	return "(" + strings.Join(columns, ", ") + ")=(" + strings.Join(texts, ", ") + ")"
}
