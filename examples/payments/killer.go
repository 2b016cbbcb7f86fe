package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"math"
	"slices"
	"strings"
	"sync/atomic"
)

// killer stands between database/sql and a driver, counts statements and, at the one it was told, ends the process: before
// the statement is sent, or after it was carried out and before anybody has heard.
type killer struct {
	left  atomic.Int64
	after bool
	die   func(point string)
}

// newKiller returns one that lets everything through until it is armed.
func newKiller(after bool, die func(point string)) *killer {
	k := &killer{after: after, die: die}
	k.left.Store(math.MaxInt64)
	return k
}

// arm makes the n-th statement from now on the last.
func (k *killer) arm(n int64) { k.left.Store(n) }

func (k *killer) statement(text string, run func() error) error {
	// Not only 0: a statement that comes again may have given another goroutine's its turn.
	last := k.left.Add(-1) <= 0
	if last && !k.after {
		k.die("before " + point(text))
	}
	err := run()
	switch {
	case errors.Is(err, driver.ErrSkip):
		k.left.Add(1) // it comes again, prepared
	case last && k.after:
		k.die("after " + point(text))
	}
	return err
}

// point names a statement by its verb and its table: those of what it writes, if it writes anything.
func point(text string) string {
	verb, read := "", ""
	words := strings.Fields(text)
	for i, word := range words {
		word = strings.ToUpper(strings.Trim(word, "("))
		if verb == "" {
			verb = word
		}
		after := slices.Concat(words[i+1:], []string{"", ""})
		switch {
		case word == "INSERT", word == "DELETE":
			return strings.TrimSpace(word + " " + tableIn(after[1])) // INTO, FROM between them
		case word == "UPDATE" && i == 0:
			return strings.TrimSpace(word + " " + tableIn(after[0]))
		case (word == "FROM" || word == "JOIN") && read == "":
			read = tableIn(after[0])
		}
	}
	if verb == "WITH" {
		verb = "SELECT"
	}
	return strings.TrimSpace(verb + " " + read)
}

// tableIn is the table's name at the beginning of a word: "" if there is none, or only one that the statement has made up.
func tableIn(word string) string {
	word, _, _ = strings.Cut(word, "(")
	word = strings.Trim(word, "`\";,)")
	if strings.HasPrefix(word, "_") {
		return ""
	}
	return word
}

func (k *killer) wrap(inner driver.Connector) driver.Connector { return killerConnector{inner, k} }

type killerConnector struct {
	driver.Connector
	k *killer
}

func (c killerConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &killerConn{conn, c.k}, nil
}

// killerConn has every method a connection may have; where the inner one lacks it, it does what database/sql would do.
type killerConn struct {
	driver.Conn
	k *killer
}

func (c *killerConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	beginner, ok := c.Conn.(driver.ConnBeginTx)
	if !ok {
		return nil, errors.New("the driver has no BeginTx")
	}
	var tx driver.Tx
	err := c.k.statement("BEGIN", func() (err error) {
		tx, err = beginner.BeginTx(ctx, opts)
		return err
	})
	if err != nil {
		return nil, err
	}
	return killerTx{tx, c.k}, nil
}

func (c *killerConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (res driver.Result, err error) {
	execer, ok := c.Conn.(driver.ExecerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	err = c.k.statement(text, func() (err error) {
		res, err = execer.ExecContext(ctx, text, args)
		return err
	})
	return res, err
}

func (c *killerConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (rows driver.Rows, err error) {
	queryer, ok := c.Conn.(driver.QueryerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	err = c.k.statement(text, func() (err error) {
		rows, err = queryer.QueryContext(ctx, text, args)
		return err
	})
	return rows, err
}

func (c *killerConn) PrepareContext(ctx context.Context, text string) (stmt driver.Stmt, err error) {
	if preparer, ok := c.Conn.(driver.ConnPrepareContext); ok {
		stmt, err = preparer.PrepareContext(ctx, text)
	} else {
		stmt, err = c.Conn.Prepare(text)
	}
	if err != nil {
		return nil, err
	}
	return &killerStmt{stmt, c, text}, nil
}

func (c *killerConn) Ping(ctx context.Context) error {
	if pinger, ok := c.Conn.(driver.Pinger); ok {
		return pinger.Ping(ctx)
	}
	return nil
}

func (c *killerConn) ResetSession(ctx context.Context) error {
	if resetter, ok := c.Conn.(driver.SessionResetter); ok {
		return resetter.ResetSession(ctx)
	}
	return nil
}

func (c *killerConn) IsValid() bool {
	validator, ok := c.Conn.(driver.Validator)
	return !ok || validator.IsValid()
}

func (c *killerConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

type killerTx struct {
	driver.Tx
	k *killer
}

func (t killerTx) Commit() error { return t.k.statement("COMMIT", t.Tx.Commit) }

func (t killerTx) Rollback() error { return t.k.statement("ROLLBACK", t.Tx.Rollback) }

type killerStmt struct {
	driver.Stmt
	conn *killerConn
	text string
}

func (s *killerStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (res driver.Result, err error) {
	execer, ok := s.Stmt.(driver.StmtExecContext)
	if !ok {
		return nil, errors.New("the driver's statements have no ExecContext")
	}
	err = s.conn.k.statement(s.text, func() (err error) {
		res, err = execer.ExecContext(ctx, args)
		return err
	})
	return res, err
}

func (s *killerStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (rows driver.Rows, err error) {
	queryer, ok := s.Stmt.(driver.StmtQueryContext)
	if !ok {
		return nil, errors.New("the driver's statements have no QueryContext")
	}
	err = s.conn.k.statement(s.text, func() (err error) {
		rows, err = queryer.QueryContext(ctx, args)
		return err
	})
	return rows, err
}

func (s *killerStmt) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return s.conn.CheckNamedValue(v)
}
