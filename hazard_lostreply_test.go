package upsert_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/lib/pq"
)

// lostReplies is a proxy in front of a PostgreSQL server. It ends a connection, once, in place of an answer.
type lostReplies struct {
	tag atomic.Pointer[string]
}

// loseNext loses the next answer that says this, as "INSERT 0 1" of the statement that did.
func (p *lostReplies) loseNext(tag string) { tag += "\x00"; p.tag.Store(&tag) }

// pool returns a pool whose connections go through the proxy.
func (p *lostReplies) pool(l *lab) *sql.DB {
	l.Helper()
	c, err := pq.NewConnector(l.ns.DSN())
	if err != nil {
		l.Fatalf("NewConnector: %v", err)
	}
	c.Dialer(p)
	db := sql.OpenDB(c)
	l.Cleanup(func() { db.Close() })
	return db
}

func (p *lostReplies) DialTimeout(network, address string, _ time.Duration) (net.Conn, error) {
	return p.Dial(network, address)
}

func (p *lostReplies) Dial(network, address string) (net.Conn, error) {
	server, err := net.Dial(network, address)
	if err != nil {
		return nil, err
	}
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	defer door.Close()
	client, err := net.Dial("tcp", door.Addr().String())
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	inside, err := door.Accept()
	if err != nil {
		return nil, errors.Join(err, server.Close(), client.Close())
	}
	go func() {
		_, _ = io.Copy(server, inside) // ends with either connection
		_ = server.Close()
	}()
	go p.answers(inside.(*net.TCPConn), server)
	return client, nil
}

// answers hands on what the server says. The end is an EOF, not a reset: a reset is no driver.ErrBadConn to lib/pq.
func (p *lostReplies) answers(client *net.TCPConn, server net.Conn) {
	defer func() { _ = client.CloseWrite() }()
	buf := make([]byte, 64<<10)
	for {
		n, err := server.Read(buf)
		if tag := p.tag.Load(); tag != nil && bytes.Contains(buf[:n], []byte(*tag)) && p.tag.CompareAndSwap(tag, nil) {
			return
		}
		if _, werr := client.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

func (p *lostReplies) wantLost(l *lab, what string) {
	l.Helper()
	if p.tag.Load() != nil {
		l.Fatalf("%s: no answer was lost; want the one that was armed", what)
	}
}

func TestHazard_E1_LostReplyRunsTheStatementTwice(t *testing.T) {
	t.Parallel()
	type thing struct {
		K   int `upsert:"key"`
		V   int
		Rev int `upsert:"version"`
	}
	labs(t, postgresLabs, func(l *lab) {
		l.exec("CREATE TABLE counters (k INT PRIMARY KEY, n INT)", "CREATE TABLE things (k INT PRIMARY KEY, v INT, rev INT, writes INT DEFAULT 1)",
			"CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.writes = OLD.writes + 1; RETURN NEW; END$$",
			"CREATE TRIGGER again BEFORE UPDATE ON things FOR EACH ROW EXECUTE FUNCTION again()")
		proxy := &lostReplies{}
		db := proxy.pool(l)
		proxy.loseNext("INSERT 0 1")
		_, err := db.ExecContext(l.Context(), "INSERT INTO counters VALUES ($1, 1) ON CONFLICT (k) DO UPDATE SET n = counters.n + 1", 1)
		proxy.wantLost(l, "the naive statement")
		l.want("hazard: a counter that was raised once, and the error", fmt.Sprintln(l.text("SELECT n FROM counters"), err), "2 <nil>\n")

		// A row is right even so, but its insert may be told as unchanged.
		table := labTable[thing](l, "things")
		proxy.loseNext("INSERT 0 1")
		l.want("Put of a new row", labPut(l, table, db, thing{1, 1, 1}), upsert.Unchanged)
		proxy.wantLost(l, "Put")
		proxy.loseNext("INSERT 0 1")
		l.want("Put of a newer row", labPut(l, table, db, thing{1, 2, 2}), upsert.Unchanged)
		proxy.wantLost(l, "Put")
		proxy.loseNext("INSERT 0 2")
		if _, err := table.PutAll(l.Context(), db, []thing{{3, 1, 1}, {2, 1, 1}}); err != nil {
			l.Errorf("PutAll: %v, want its answer's loss to go unnoticed", err)
		}
		proxy.wantLost(l, "PutAll")
		proxy.loseNext("INSERT 0 1")
		row := thing{4, 1, 1}
		if created, err := table.GetOrCreate(l.Context(), db, &row); created || err != nil {
			l.Errorf("GetOrCreate: created %v, err %v; want neither for the second of the statements", created, err)
		}
		proxy.wantLost(l, "GetOrCreate")
		l.want("rows", l.text("SELECT * FROM things ORDER BY k"), "1|2|2|2 2|1|1|1 3|1|1|1 4|1|1|1")
	})
}

func TestHazard_E1_LostReplyInsideATransaction(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	labs(t, postgresLabs, func(l *lab) {
		l.exec("CREATE TABLE things (k INT PRIMARY KEY, v INT)")
		proxy, retried := &lostReplies{}, 0
		db := proxy.pool(l)
		table := labTable[thing](l, "things", upsert.OnRetry(func(error) { retried++ }))
		batch := []thing{{1, 1}, {2, 1}}

		proxy.loseNext("INSERT 0 2")
		r, err := table.PutAll(l.Context(), db, batch, upsert.Outcomes())
		proxy.wantLost(l, "PutAll")
		l.want("PutAll whose statement's answer was lost", fmt.Sprintln(r, err, retried), fmt.Sprintln(upsert.Result{Inserted: 2}, nil, 1))

		// Nobody can know whether a COMMIT without an answer happened, so it is the caller's to repeat.
		batch[0].V, retried = 2, 0
		proxy.loseNext("COMMIT")
		r, err = table.PutAll(l.Context(), db, batch, upsert.Outcomes())
		proxy.wantLost(l, "PutAll")
		l.wantErr("PutAll whose COMMIT's answer was lost", err, nil, "may or may not have happened", "table things")
		l.want("its class, result and retries", fmt.Sprintln(dialect.Classify(err), r, retried), fmt.Sprintln(dialect.Ambiguous, upsert.Result{}, 0))
		r, err = table.PutAll(l.Context(), db, batch, upsert.Outcomes())
		l.want("the call repeated", fmt.Sprintln(r, err), fmt.Sprintln(upsert.Result{Unchanged: 2}, nil))

		// In a transaction of the caller's the error is the caller's, and nothing was kept.
		tx, err := db.BeginTx(l.Context(), nil)
		if err != nil {
			l.Fatalf("BeginTx: %v", err)
		}
		proxy.loseNext("INSERT 0 1")
		_, err = table.Put(l.Context(), tx, &thing{3, 3})
		proxy.wantLost(l, "Put")
		l.want("its class", dialect.Classify(err), dialect.Ambiguous)
		_ = tx.Rollback()
		l.want("rows", l.text("SELECT * FROM things ORDER BY k"), "1|2 2|1")
	})
}

// untouched is a handle that nothing may be sent on.
type untouched struct{ testing.TB }

func (u untouched) ExecContext(_ context.Context, query string, _ ...any) (sql.Result, error) {
	u.Errorf("%s was sent; want nothing to be", query)
	return nil, errors.New("untouched")
}

func (u untouched) QueryContext(_ context.Context, query string, _ ...any) (*sql.Rows, error) {
	u.Errorf("%s was sent; want nothing to be", query)
	return nil, errors.New("untouched")
}

func (u untouched) BeginTx(context.Context, *sql.TxOptions) (*sql.Tx, error) {
	u.Errorf("a transaction was begun; want nothing to be sent")
	return nil, errors.New("untouched")
}

// lostClaim is a claim that somebody else has taken over.
type lostClaim struct{ untouched }

var errClaimLost = errors.New("somebody else has it")

func (lostClaim) UpsertClaim() error { return errClaimLost }

func TestHazard_E1_AddIsRefusedWithoutAClaim(t *testing.T) {
	t.Parallel()
	type counter struct {
		K int `upsert:"key"`
		N int `upsert:"add"`
	}
	row := counter{1, 1}
	var rows iter.Seq2[counter, error] = func(yield func(counter, error) bool) {
		t.Errorf("the sequence was read; want the table refused before")
		yield(row, nil)
	}
	for _, d := range []dialect.Dialect{dialect.SQLite, dialect.Postgres, dialect.MariaDB, dialect.MySQL} {
		table, err := upsert.New[counter](d, "counters")
		if err != nil {
			t.Fatalf("New on %s: %v", d.Name(), err)
		}
		if table.Guarantee().RepeatSafe() {
			t.Errorf("Guarantee on %s: %v, want it not repeat-safe", d.Name(), table.Guarantee())
		}
		for name, verb := range map[string]func(db upsert.DB) error{
			"Put":         func(db upsert.DB) error { _, err := table.Put(t.Context(), db, &row); return err },
			"PutAll":      func(db upsert.DB) error { _, err := table.PutAll(t.Context(), db, []counter{row}); return err },
			"PutSeq":      func(db upsert.DB) error { _, err := table.PutSeq(t.Context(), db, rows); return err },
			"GetOrCreate": func(db upsert.DB) error { _, err := table.GetOrCreate(t.Context(), db, &row); return err },
		} {
			if err := verb(untouched{t}); !errors.Is(err, upsert.ErrUnguarded) {
				t.Errorf("%s on %s: %v, want ErrUnguarded", name, d.Name(), err)
			}
			if err := verb(lostClaim{untouched{t}}); !errors.Is(err, upsert.ErrUnguarded) || !errors.Is(err, errClaimLost) {
				t.Errorf("%s on %s with a lost claim: %v, want ErrUnguarded and why", name, d.Name(), err)
			}
		}
	}
}
