package hazards_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/lab"
)

func TestHazard_E1_LostReplyRunsTheStatementTwice(t *testing.T) {
	t.Parallel()
	type thing struct {
		K   int `upsert:"key"`
		V   int
		Rev int `upsert:"version"`
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE counters (k INT PRIMARY KEY, n INT)", "CREATE TABLE things (k INT PRIMARY KEY, v INT, rev INT, writes INT DEFAULT 1)",
			"CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.writes = OLD.writes + 1; RETURN NEW; END$$",
			"CREATE TRIGGER again BEFORE UPDATE ON things FOR EACH ROW EXECUTE FUNCTION again()")
		db := l.LostReplies()
		db.LoseNext("INSERT INTO")
		_, err := db.ExecContext(l.Context(), "INSERT INTO counters VALUES ($1, 1) ON CONFLICT (k) DO UPDATE SET n = counters.n + 1", 1)
		db.WantLost(l, "the naive statement")
		l.Want("hazard: a counter that was raised once, and the error", fmt.Sprintln(l.Text("SELECT n FROM counters"), err), "2 <nil>\n")

		// The row is correct even if the answer is lost, but the outcome of its insert may be unchanged.
		table := lab.Table[thing](l, "things")
		db.LoseNext("INSERT INTO")
		l.Want("Put of a new row", lab.Put(l, table, db, thing{1, 1, 1}), upsert.Unchanged)
		db.WantLost(l, "Put")
		db.LoseNext("INSERT INTO")
		l.Want("Put of a newer row", lab.Put(l, table, db, thing{1, 2, 2}), upsert.Unchanged)
		db.WantLost(l, "Put")
		db.LoseNext("INSERT INTO")
		if _, err := table.PutAll(l.Context(), db, []thing{{3, 1, 1}, {2, 1, 1}}); err != nil {
			l.Errorf("PutAll: %v, want success although the answer was lost", err)
		}
		db.WantLost(l, "PutAll")
		db.LoseNext("INSERT INTO")
		row := thing{4, 1, 1}
		if created, err := table.GetOrCreate(l.Context(), db, &row); created || err != nil {
			l.Errorf("GetOrCreate: created %v, err %v; want no creation and no error from the second statement", created, err)
		}
		db.WantLost(l, "GetOrCreate")
		l.Want("rows", l.Text("SELECT * FROM things ORDER BY k"), "1|2|2|2 2|1|1|1 3|1|1|1 4|1|1|1")
	})
}

func TestHazard_E1_LostReplyInsideATransaction(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT)")
		db, retried := l.LostReplies(), 0
		table := lab.Table[thing](l, "things", upsert.OnRetry(func(error) { retried++ }))
		batch := []thing{{1, 1}, {2, 1}}

		db.LoseNext("INSERT INTO")
		r, err := table.PutAll(l.Context(), db, batch, upsert.Outcomes())
		db.WantLost(l, "PutAll")
		l.Want("PutAll whose statement's answer was lost", fmt.Sprintln(r, err, retried), fmt.Sprintln(upsert.Result{Inserted: 2}, nil, 1))

		// If the answer to a COMMIT is lost, the library cannot know whether the COMMIT happened. The caller must decide
		// whether to repeat the call.
		batch[0].V, retried = 2, 0
		db.LoseNext("COMMIT")
		r, err = table.PutAll(l.Context(), db, batch, upsert.Outcomes())
		db.WantLost(l, "PutAll")
		l.WantErr("PutAll whose COMMIT's answer was lost", err, nil, "may or may not have happened", "table things")
		l.Want("its class, result and retries", fmt.Sprintln(dialect.Classify(err), r, retried), fmt.Sprintln(dialect.Ambiguous, upsert.Result{}, 0))
		r, err = table.PutAll(l.Context(), db, batch, upsert.Outcomes())
		l.Want("the call repeated", fmt.Sprintln(r, err), fmt.Sprintln(upsert.Result{Unchanged: 2}, nil))

		// In the caller's transaction the caller gets the error, and no row is kept.
		tx, err := db.BeginTx(l.Context(), nil)
		if err != nil {
			l.Fatalf("BeginTx: %v", err)
		}
		db.LoseNext("INSERT INTO")
		_, err = table.Put(l.Context(), tx, &thing{3, 3})
		db.WantLost(l, "Put")
		l.Want("its class", dialect.Classify(err), dialect.Ambiguous)
		_ = tx.Rollback()
		l.Want("rows", l.Text("SELECT * FROM things ORDER BY k"), "1|2 2|1")
	})
}

// untouched is a handle that fails the test if a statement is sent.
type untouched struct{ testing.TB }

func (u untouched) ExecContext(_ context.Context, query string, _ ...any) (sql.Result, error) {
	u.Errorf("%s was sent; want no statement", query)
	return nil, errors.New("untouched")
}

func (u untouched) QueryContext(_ context.Context, query string, _ ...any) (*sql.Rows, error) {
	u.Errorf("%s was sent; want no statement", query)
	return nil, errors.New("untouched")
}

func (u untouched) BeginTx(context.Context, *sql.TxOptions) (*sql.Tx, error) {
	u.Errorf("a transaction was begun; want no transaction")
	return nil, errors.New("untouched")
}

// lostClaim is a claim that another client has taken over.
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
				t.Errorf("%s on %s with a lost claim: %v, want ErrUnguarded and the reason", name, d.Name(), err)
			}
		}
	}
}
