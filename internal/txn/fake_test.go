package txn_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"sync"
)

// server is a database that does nothing but answer, or not.
type server struct {
	mu      sync.Mutex
	sent    []string
	refused map[string][]error // by statement, the errors of its next times
	silent  map[string]chan struct{}
	closed  int
	changed chan struct{} // has something as soon as the log has changed
}

func newServer() *server {
	return &server{refused: map[string][]error{}, silent: map[string]chan struct{}{}, changed: make(chan struct{}, 1)}
}

// refuse has a statement's next times fail.
func (s *server) refuse(query string, errs ...error) { s.refused[query] = errs }

// silence has a statement wait until the function that is returned is called.
func (s *server) silence(query string) (speak func()) {
	c := make(chan struct{})
	s.silent[query] = c
	return sync.OnceFunc(func() { close(c) })
}

func (s *server) answer(query string) error {
	s.mu.Lock()
	s.sent = append(s.sent, query)
	s.tell()
	var err error
	if errs := s.refused[query]; len(errs) > 0 {
		err, s.refused[query] = errs[0], errs[1:]
	}
	silent := s.silent[query]
	s.mu.Unlock()
	if silent != nil {
		<-silent
	}
	return err
}

func (s *server) tell() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// log is what was sent, and how many connections were closed.
func (s *server) log() (statements string, closed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.sent, ", "), s.closed
}

func (s *server) pool() *sql.DB { return sql.OpenDB(s) }

func (s *server) Connect(context.Context) (driver.Conn, error) {
	return &fakeConn{s}, nil
}
func (s *server) Driver() driver.Driver { return nil }

type fakeConn struct{ s *server }

var errNoPrepare = errors.New("this driver prepares nothing")

func (c *fakeConn) Prepare(string) (driver.Stmt, error) { return nil, errNoPrepare }
func (c *fakeConn) Begin() (driver.Tx, error)           { return c, c.s.answer("BEGIN") }
func (c *fakeConn) Commit() error                       { return c.s.answer("COMMIT") }
func (c *fakeConn) Rollback() error                     { return c.s.answer("ROLLBACK") }

func (c *fakeConn) Close() error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.closed++
	c.s.tell()
	return nil
}

func (c *fakeConn) ExecContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Result, error) {
	return driver.RowsAffected(1), c.s.answer(query)
}
