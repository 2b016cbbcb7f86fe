package faults

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
)

// Kind is what is sent to a server.
type Kind string

// The kinds. Transactions begun and ended by text, as in "BEGIN IMMEDIATE", are of these kinds as well.
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

// kindOf finds the words that begin and end a transaction; any other text is of the kind it was sent as.
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

// Before: nothing has been sent. After: the server has answered, and nobody has been told; of a query all rows were read.
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

// Point is one thing a pool sends to the server.
type Point struct {
	Index  int // in the pool's life, from 0
	Kind   Kind
	Text   string
	Moment Moment
	Err    error // After: what the driver says of it

	conn    *conn // nil before a connect
	skipped bool  // the driver sent nothing and asks for another way
}

func (p *Point) String() string {
	text := p.Text
	if len(text) > 60 {
		text = text[:60] + "…"
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", p.Index, p.Kind, text))
}

// Hook is called at each point, before and after, by whoever uses the pool: several at once may call it. An error is what
// the caller gets: before, and nothing is sent; after, in place of the answer.
type Hook func(p *Point) error

// KillSession ends the server's side of the point's connection, as an administrator would, and returns when the server has
// forgotten it and rolled back. On SQLite, which has no such side, it is Drop.
func (p *Point) KillSession() error {
	if p.conn == nil {
		return nil
	}
	return p.conn.kill(context.Background())
}

// Drop closes the point's connection. What it is used for from then on is driver.ErrBadConn.
func (p *Point) Drop() error {
	if p.conn == nil {
		return nil
	}
	return p.conn.drop()
}

// Cut is a hook that drops the connection and tells the caller so: before, the statement never arrives; after, its answer
// is lost. It does without a wire what a proxy does to one.
func Cut(p *Point) error {
	if err := p.Drop(); err != nil {
		return err
	}
	return driver.ErrBadConn
}
