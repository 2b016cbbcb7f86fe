package lab

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/mattn/go-sqlite3"
)

// Want compares the printed forms of two values.
func (l *Lab) Want(what string, got, want any) {
	l.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		l.Errorf("%s: got %s, want %s", what, g, w)
	}
}

// WantCode expects an error with the given code, or success if the code is "".
func (l *Lab) WantCode(what string, err error, code string) {
	l.Helper()
	if got := Code(err); got != code {
		l.Errorf("%s: got code %q (%v), want %q", what, got, err, code)
	}
}

// WantErr expects an error whose text contains all the words. The error must also match the target is, unless the target is nil.
func (l *Lab) WantErr(what string, err, is error, words ...string) {
	l.Helper()
	if err == nil || is != nil && !errors.Is(err, is) {
		l.Errorf("%s: got %v, want an error that is %v", what, err, is)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			l.Errorf("%s: %q does not have %q", what, err, w)
		}
	}
}

// Code returns the database's code for an error: the SQLSTATE, MySQL's error number or SQLite's extended code. Code returns "" if
// err is nil.
func Code(err error) string {
	if err == nil {
		return ""
	}
	if state := dialect.SQLState(err); state != "" {
		return state
	}
	if n, ok := dialect.MySQLNumber(err); ok {
		return strconv.Itoa(n)
	}
	var lite sqlite3.Error
	if errors.As(err, &lite) {
		return strconv.Itoa(int(lite.ExtendedCode))
	}
	return err.Error()
}

// AsType is errors.As with the target as its result.
func AsType[E error](err error) (e E, ok bool) {
	ok = errors.As(err, &e)
	return e, ok
}

// Second returns the error of a call whose first result is not needed.
func Second[T any](_ T, err error) error { return err }
