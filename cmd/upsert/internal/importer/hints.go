package importer

import (
	"fmt"
	"strings"

	"github.com/goupsert/upsert/dialect"
)

// adviceError is an error of the library with what to do about it in flags: the user of a command has no Go to change.
type adviceError struct {
	text string
	err  error
}

func (e *adviceError) Error() string { return e.text }
func (e *adviceError) Unwrap() error { return e.err }

// noIndex is what a table without the key's index is refused with.
func noIndex(table string, keys []string) string {
	return fmt.Sprintf("table %s has no unique index on exactly %s: without it every run would insert every row again. "+
		"Create one, without a WHERE, or name the columns of another with -key", table, strings.Join(keys, ", "))
}

// advise replaces the advice that names the library's options, and adds what a flag can do.
func advise(err error, cfg *config) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	switch state := dialect.SQLState(err); {
	case state == "42P10", strings.Contains(text, "ON CONFLICT clause does not match"):
		text = noIndex(cfg.table, cfg.cols.keys)
	case strings.Contains(text, "dialect.PostgresMergeFunction"):
		text = "-rule with merge needs a function that this database lacks: run this once, then upsert import again:\n" + dialect.PostgresMergeFunction
	case !cfg.inOrder && needsOrder(err):
		text += " (if the file has a row before it that must be written first, say -in-order)"
	default:
		text = inFlags.Replace(text)
	}
	if text == err.Error() {
		return err
	}
	return &adviceError{text, err}
}

// inFlags puts what is left of the library's advice into words for the command line.
var inFlags = strings.NewReplacer(
	", or json.RawMessage for the field", "",
	"choose fewer with Columns", "leave columns out of the file",
	"New was given the dialect ", "it said that it speaks ",
	", which the server may not speak: dialect.Detect tells the server's", ", and does not understand that: is something else in between?",
)

// needsOrder reports whether another row of the file may be what a row needs: a parent, or one that gives a unique value up.
func needsOrder(err error) bool {
	return dialect.SQLState(err) == "23503" || dialect.Classify(err) == dialect.UniqueViolation ||
		strings.Contains(strings.ToLower(err.Error()), "foreign key constraint")
}
