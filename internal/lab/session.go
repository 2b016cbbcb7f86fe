package lab

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/jmoiron/sqlx"
)

// Session is a connection. Other connections can see whether the session waits.
type Session struct {
	*sql.Conn
	ID string // the server's ID of the connection
}

// Session takes a connection from the pool and runs the setup statements on it.
func (l *Lab) Session(setup ...string) *Session {
	l.Helper()
	conn, err := l.DB.DB.Conn(l.Context())
	if err != nil {
		l.Fatalf("Conn: %v", err)
	}
	l.Cleanup(func() {
		// The setup statements changed the session, so the pool must not reuse the connection.
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		_ = conn.Close()
	})
	s := &Session{Conn: conn, ID: l.id(conn)}
	for _, q := range setup {
		l.On(s, q)
	}
	return s
}

func (l *Lab) id(db upsert.DB) string {
	l.Helper()
	switch l.Family() {
	case "postgres":
		return l.TextOn(db, "SELECT pg_backend_pid()")
	case "mysql":
		return l.TextOn(db, "SELECT CONNECTION_ID()")
	}
	return ""
}

// Pool is a pool of one connection. Other connections can see whether that connection waits.
type Pool struct {
	*sqlx.DB
	ID string // the server's ID of the connection
}

// Pool opens a pool of one connection on the lab's database.
func (l *Lab) Pool(opts ...engine.Option) *Pool {
	l.Helper()
	db := l.NS.DB(opts...)
	db.SetMaxOpenConns(1)
	return &Pool{DB: db, ID: l.id(db)}
}

// Begin begins a transaction. The end of the test rolls the transaction back if the test has not ended it.
func (l *Lab) Begin(opts *sql.TxOptions) *sql.Tx {
	l.Helper()
	tx, err := l.DB.DB.BeginTx(l.Context(), opts)
	if err != nil {
		l.Fatalf("BeginTx: %v", err)
	}
	l.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

// Conn takes a connection from the pool and returns it to the pool at the end of the test.
func (l *Lab) Conn() *sql.Conn {
	l.Helper()
	conn, err := l.DB.Conn(l.Context())
	if err != nil {
		l.Fatalf("a connection: %v", err)
	}
	l.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Commit commits the transaction, which must succeed.
func (l *Lab) Commit(tx interface{ Commit() error }) {
	l.Helper()
	if err := tx.Commit(); err != nil {
		l.Fatalf("Commit: %v", err)
	}
}

// UntilWaits returns as soon as the session with the given ID waits for a lock.
func (l *Lab) UntilWaits(id string) {
	l.Helper()
	l.Until("session "+id+" waits for a lock", func() bool { return l.waits(id) })
}

// Until waits until the condition is true, and fails the test if that takes longer than Patience.
func (l *Lab) Until(what string, is func() bool) {
	l.Helper()
	deadline, cancel := context.WithTimeout(l.Context(), Patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline.Done():
			l.Fatalf("%s: not after %v", what, Patience)
		}
	}
}

// KillSession ends a session. It returns when the server has removed the session, or will remove it at the session's next
// statement.
func (l *Lab) KillSession(id string) {
	l.Helper()
	// pg_terminate_backend itself waits for the end of the session, so the client will then read the end too.
	end, gone := "SELECT pg_terminate_backend("+id+", 10000)", "SELECT COUNT(*) FROM pg_stat_activity WHERE pid = "+id
	if l.Family() != "postgres" {
		end, gone = "KILL "+id, "SELECT COUNT(*) FROM information_schema.processlist WHERE id = "+id
	}
	deaf := l.D.Name() == "mysql" && !dialect.AtLeast(l.D.Version(), 8)
	if deaf {
		l.settled(id)
	}
	l.Exec(end)
	began := time.Now()
	l.Until("session "+id+" is gone", func() bool { return l.Text(gone) == "0" || deaf && time.Since(began) > deafness })
}

// settled waits until a session of MySQL 5.7 has been at one command for a second. If a KILL arrives just before the session
// waits for the next statement or for more data of a LOAD DATA, MySQL 5.7 misses that KILL and every later one, and the session
// holds its locks forever.
func (l *Lab) settled(id string) {
	l.Helper()
	seconds := func() int {
		n, _ := strconv.Atoi(l.Text("SELECT time FROM information_schema.processlist WHERE id = " + id))
		return n
	}
	first := seconds()
	l.Until("session "+id+" has been at one command for a second", func() bool {
		now := seconds()
		first = min(first, now)
		return now >= first+2 // two, because the first second may be partly over at the first reading
	})
}

// deafness is how long KillSession waits for a killed session of MySQL 5.7. A session that lives longer was about to wait, and
// will end at its next statement.
const deafness = 3 * time.Second

func (l *Lab) waits(id string) bool {
	l.Helper()
	if l.Family() == "postgres" {
		return l.Text("SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid = "+id) == "1"
	}
	// The test cannot read information_schema.innodb_trx: its content is not refreshed if it is read more often than every 100
	// ms.
	for tx := range strings.SplitSeq(l.Text("SHOW ENGINE INNODB STATUS"), "---TRANSACTION ") {
		if strings.Contains(tx, " thread id "+id+",") {
			return strings.Contains(tx, "LOCK WAIT")
		}
	}
	return false
}

// Later runs f concurrently with the test and returns a channel with its result.
func Later(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}

// Result waits for the result of a function that Later started.
func (l *Lab) Result(done <-chan error) error {
	l.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(Patience):
		l.Fatalf("the call has not returned after %v; want the call to return after the lock is free", Patience)
		return nil
	}
}

// Noticing returns a context and a channel. The first call of the context's Done method closes the channel. A call that asks for
// Done is about to wait or to send something.
func Noticing(ctx context.Context) (noticing context.Context, waits <-chan struct{}) {
	n := &noticed{Context: ctx, waits: make(chan struct{})}
	return n, n.waits
}

type noticed struct {
	context.Context
	once  sync.Once
	waits chan struct{}
}

// Done closes waits and returns the Done channel of the inner context.
func (n *noticed) Done() <-chan struct{} {
	n.once.Do(func() { close(n.waits) })
	return n.Context.Done()
}
