package faults

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
)

// Kind is the kind of a message to the server.
type Kind string

// These constants are the kinds. Begin, Commit and Rollback include statements such as "BEGIN IMMEDIATE".
const (
	Connect  Kind = "connect"
	Begin    Kind = "begin"
	Exec     Kind = "exec"
	Query    Kind = "query"
	Prepare  Kind = "prepare"
	Commit   Kind = "commit"
	Rollback Kind = "rollback"
	Ping     Kind = "ping"
)

// kindOf recognises the words that begin and end a transaction. Any other text has the kind of the call that sent it.
func kindOf(text string, sent Kind) Kind {
	word, rest, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(text)), " ")
	switch {
	case word == "BEGIN", word == "START" && strings.HasPrefix(rest, "TRANSACTION"):
		return Begin
	case word == "COMMIT":
		return Commit
	case word == "ROLLBACK" && !strings.HasPrefix(rest, "TO"):
		return Rollback
	}
	return sent
}

// Moment is one of the two sides of a statement.
type Moment bool

// Before is the moment before the statement is sent. After is the moment when the server has answered but the caller does not
// have the answer yet. After a query, all rows have been read.
const (
	Before Moment = false
	After  Moment = true
)

func (m Moment) String() string {
	if m == After {
		return "after"
	}
	return "before"
}

// Point is one message that a pool sends to the server.
type Point struct {
	Index  int // counts from 0 for each pool
	Kind   Kind
	Text   string
	Moment Moment
	Err    error // After: the driver's error

	conn    *conn // nil before a connect
	skipped bool  // the driver refused to send the statement in this way
}

func (p *Point) String() string {
	text := p.Text
	if len(text) > 60 {
		text = text[:60] + "…"
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", p.Index, p.Kind, text))
}

// Hook is called before and after each point, by the goroutine that uses the pool. Several goroutines may call the hook at once.
// The caller gets the hook's error. An error before the point prevents the message. An error after the point replaces the answer.
type Hook func(p *Point) error

// KillSession ends the server's side of the point's connection, as an administrator would. It returns when the server has removed
// the session and rolled its transaction back. SQLite has no server, so KillSession is Drop there.
func (p *Point) KillSession() error {
	if p.conn == nil {
		return nil
	}
	return p.conn.kill(context.Background())
}

// Drop closes the point's connection. Later calls on the connection return driver.ErrBadConn.
func (p *Point) Drop() error {
	if p.conn == nil {
		return nil
	}
	return p.conn.drop()
}

// Cut is a hook that drops the connection and returns driver.ErrBadConn to the caller. Before the point, the statement never
// arrives. After the point, its answer is lost. Cut needs no wire, but has the effect of a proxy.
func Cut(p *Point) error {
	if err := p.Drop(); err != nil {
		return err
	}
	return driver.ErrBadConn
}
