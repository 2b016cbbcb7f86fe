package keys_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

// The tests of this file check crashes and lost answers between an effect and its record: K1, K2, K5, K11, K12, K32, K33,
// K36.

func TestHazard_K1_CrashBetweenEffectAndRecord(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		l.lab.Exec("CREATE TABLE naive (k VARCHAR(9) PRIMARY KEY)")
		for range 2 { // the first caller has its effect and crashes before it marks the key
			if l.lab.Text("SELECT COUNT(*) FROM naive WHERE k = 'n'") == "0" {
				l.lab.Exec(`INSERT INTO effects VALUES ('"n"')`)
			}
		}
		l.lab.Want("hazard: effects of one key", l.effects("n"), 2)

		tx := l.Begin(nil)
		l.lab.Want("Once", l.once(l.store, tx, "a"), "ran a")
		if err := tx.Rollback(); err != nil { // the crash after the effect and the record
			l.lab.Fatalf("Rollback: %v", err)
		}
		ctx, crash := context.WithCancel(l.lab.Context())
		_, _, err := keys.Run(ctx, l.store, hazardKey("a"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
			defer crash() // between the effect and the record
			return effect("a")(ctx, tx)
		})
		l.lab.WantErr("Run that ends between the effect and its record", err, context.Canceled)
		l.lab.Want("effects", l.effects("a"), 0)
		l.wantUnknown("a")
		l.lab.Want("the call again", l.run(l.store, "a"), "ran a")
		l.lab.Want("and again", l.run(l.store, "a"), "replayed a")
		l.lab.Want("effects", l.effects("a"), 1)
	})
}

func TestHazard_K2_NothingIsMarkedBeforeItIsHandled(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		l.lab.Exec("CREATE TABLE naive (k VARCHAR(9) PRIMARY KEY)", "INSERT INTO naive VALUES ('n')")
		// The handler crashes, and the broker delivers the message again.
		l.lab.Want("hazard: fresh messages, and effects", l.lab.Text("SELECT 1 - COUNT(*) FROM naive WHERE k = 'n'")+" "+fmt.Sprint(l.effects("n")), "0 0")

		_, err := l.filter(l.store, l.lab.DB, "m")
		l.lab.WantErr("Filter on a pool", err, nil, "must be a transaction")
		_, err = l.filter(l.store, l.lab.Session(), "m")
		l.lab.WantErr("Filter on a connection", err, nil, "must be a transaction")
		l.lab.Want("Once on a pool", strings.Contains(l.once(l.store, l.lab.DB, "a"), "must be a transaction"), true)
		for range 2 {
			tx := l.Begin(nil)
			fresh, err := l.filter(l.store, tx, "m")
			l.lab.Want("fresh messages", fmt.Sprint(fresh, err), "[m] <nil>")
			if err := tx.Rollback(); err != nil { // the handler crashes
				l.lab.Fatalf("Rollback: %v", err)
			}
		}
		l.wantUnknown("a")
	})
}

// overtaken calls Run with an fn during which the row of the key is overwritten.
func overtaken(l *hazardLab, write string) {
	l.lab.Helper()
	attempts := 0
	_, _, err := keys.Run(l.lab.Context(), l.store, hazardKey("a"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
		attempts = tx.Attempt()
		l.lab.On(tx, write) // in this transaction, because it has locked the row
		return effect("a")(ctx, tx)
	})
	l.lab.WantErr("Run whose key is taken over", err, keys.ErrClaimLost, "keys: lab/do/a: ")
	l.lab.Want("its attempts, the class of its error, its effects", fmt.Sprint(attempts, dialect.Classify(err), l.effects("a")), "1 Permanent 0")
	l.lab.Want("Run again", l.run(l.open(l.lab.DB), "a"), "ran a")
}

func TestHazard_K5_RecordOfAnOwnerOnly(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		l.lab.Exec("CREATE TABLE naive (k INT PRIMARY KEY, owner VARCHAR(9), result VARCHAR(9))", "INSERT INTO naive VALUES (1, 'first', NULL)",
			"UPDATE naive SET owner = 'second', result = 'second' WHERE k = 1", "UPDATE naive SET result = 'first' WHERE k = 1")
		l.lab.Want("hazard: whose result it is, after the first one came back", l.lab.Text("SELECT owner, result FROM naive"), "second|first")

		const takeOver = "UPDATE idempotency_keys SET owner = substr(key_hash, 1, 16)"
		overtaken(l, takeOver)

		tx := l.Begin(nil)
		_, _, err := keys.Once(l.lab.Context(), l.store, tx, hazardKey("b"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
			l.lab.On(tx, takeOver)
			return effect("b")(ctx, tx)
		})
		l.lab.WantErr("Once whose key was taken over", err, keys.ErrClaimLost)
		l.lab.Commit(tx)
		l.lab.Want("effects", l.effects("b"), 0)
	})
}

func TestHazard_K33_RecordOfAnUnfinishedKeyOnly(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		l.lab.Exec("CREATE TABLE naive (k INT PRIMARY KEY, state VARCHAR(9), result VARCHAR(9))", "INSERT INTO naive VALUES (1, 'done', 'first')",
			"UPDATE naive SET state = 'done', result = 'second' WHERE k = 1")
		l.lab.Want("hazard: the result that the first caller was told", l.lab.Text("SELECT result FROM naive"), "second")

		overtaken(l, "UPDATE idempotency_keys SET state = 2, codec = 'json', result = owner")
	})
}

func TestHazard_K11_ResultIsStoredOrTheEffectIsNot(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		if l.lab.Family() == "mysql" {
			s := l.lab.Session("SET sql_mode = ''", "CREATE TABLE naive (result VARBINARY(8))")
			l.lab.On(s, "INSERT INTO naive VALUES ('0123456789')")
			l.lab.Want("hazard: a result of ten bytes", l.lab.Text("SELECT result FROM naive"), "01234567")
		}
		s := l.open(l.lab.DB, keys.MaxResult(1000))
		whole, long := strings.Repeat("x", 998), strings.Repeat("x", 999) // the encoded result also has two quotation marks
		l.lab.Want("a result of the greatest size", l.run(s, whole[:255]), "ran "+whole[:255])
		give := func(id, result string) (string, error) {
			got, replayed, err := keys.Run(l.lab.Context(), s, hazardKey(id), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
				_, err := effect(id)(ctx, tx)
				return result, err
			})
			return told(got, replayed, err), err
		}
		for _, want := range []string{"ran ", "replayed "} {
			got, _ := give("a", whole)
			l.lab.Want("a result of the greatest size", got, want+whole)
		}
		_, err := give("b", long)
		l.lab.WantErr("a greater one", err, nil, "1001 bytes", "more than 1000", "rolled back", "MaxResult")
		_, _, err = keys.Run(l.lab.Context(), s, hazardKey("c"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (func(), error) {
			_, err := effect("c")(ctx, tx)
			return func() {}, err
		})
		l.lab.WantErr("one that is no JSON", err, nil, "cannot be encoded", "rolled back")
		l.lab.Want("effects", fmt.Sprint(l.effects("a"), l.effects("b"), l.effects("c")), "1 0 0")
		l.wantUnknown("b")
		l.wantUnknown("c")
	})
}

func TestHazard_K12_OnlyAFinalErrorIsRemembered(t *testing.T) {
	t.Parallel()
	declined, broken := errors.New("declined"), errors.New("broken")
	hazards(t, lab.All, func(l *hazardLab) {
		s := l.open(l.lab.DB, keys.KnownErrors(declined))
		calls := 0
		fails := func(with error) error {
			_, _, err := keys.Run(l.lab.Context(), s, hazardKey("a"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
				calls++
				_, err := effect("a")(ctx, tx)
				return "", errors.Join(err, with)
			})
			return err
		}
		for range 2 {
			l.lab.WantErr("an error that says nothing for the next time", fails(broken), broken)
			l.wantUnknown("a")
		}
		for range 2 {
			err := fails(keys.Final(fmt.Errorf("card: %w", declined)))
			l.lab.WantErr("a final error", err, declined, "card: declined")
			l.lab.Want("that it is one", errors.As(err, new(*keys.FinalError)), true)
		}
		l.lab.Want("calls of fn, and effects", fmt.Sprint(calls, l.effects("a")), "3 0")
	})
}

func TestHazard_K32_CommitWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	hazards(t, lab.MariaDB+" "+lab.MySQL+" "+lab.Postgres, func(l *hazardLab) {
		db := l.lab.LostReplies()
		for range 2 { // this caller takes the error of a commit for a failure and repeats the transaction
			tx, err := db.BeginTx(l.lab.Context(), nil)
			if err != nil {
				l.lab.Fatalf("BeginTx: %v", err)
			}
			l.lab.On(tx, `INSERT INTO effects VALUES ('"n"')`)
			if l.effects("n") == 0 {
				db.LoseNext("COMMIT")
			}
			if err := tx.Commit(); err == nil != (l.effects("n") == 2) {
				l.lab.Errorf("hazard: commit: %v, want an error the first time", err)
			}
			db.WantLost(l.lab, "the naive commit")
		}
		l.lab.Want("hazard: effects", l.effects("n"), 2)

		s := l.open(db.DB)
		db.LoseNext("COMMIT")
		l.lab.Want("Run", l.run(s, "a"), "ran a")
		db.WantLost(l.lab, "Run")
		l.lab.Want("Run again", l.run(s, "a"), "replayed a")
		l.lab.Want("effects", l.effects("a"), 1)
	})
}

func TestHazard_K32_NobodyCanBeAsked(t *testing.T) {
	t.Parallel()
	hazards(t, lab.MariaDB+" "+lab.MySQL+" "+lab.Postgres, func(l *hazardLab) {
		db := l.lab.LostReplies()
		ctx, end := context.WithCancel(l.lab.Context())
		s := l.open(db.DB, keys.WithHooks(keys.Hooks{Retry: func(context.Context, keys.Event) { end() }}))
		lost := false
		db.Proxy.Obey(func(r faults.Request) faults.Fate {
			switch {
			case lost:
				return faults.Swallow
			case r.Kind == faults.Commit:
				lost = true
				return faults.Lose
			}
			return faults.Pass
		})
		_, _, err := keys.Run(ctx, s, hazardKey("a"), keys.Fingerprint{}, effect("a"))
		if !errors.As(err, new(*keys.UnknownError)) || dialect.Classify(err) != dialect.Ambiguous {
			l.lab.Errorf("Run: %v, want an *UnknownError that is Ambiguous", err)
		}
		db.Proxy.Obey(nil)
		l.lab.Want("the same call later", l.run(s, "a"), "replayed a")
		l.lab.Want("effects", l.effects("a"), 1)
	})
}

// again is an error whose class says that the database has kept no changes.
type again struct{}

func (again) Error() string        { return "again" }
func (again) Class() dialect.Class { return dialect.Retryable }

func TestHazard_K36_NothingIsHeldWhileWaiting(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		var inUse []int
		s := l.open(l.lab.DB, keys.WithHooks(keys.Hooks{Retry: func(context.Context, keys.Event) { inUse = append(inUse, l.lab.DB.Stats().InUse) }}))
		got := told(keys.Run(l.lab.Context(), s, hazardKey("a"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
			if _, err := effect("a")(ctx, tx); tx.Attempt() < 3 || err != nil {
				return "", errors.Join(err, again{})
			}
			return "a", nil
		}))
		l.lab.Want("Run, and connections in use before its pauses", fmt.Sprint(got, inUse), "ran a[0 0]")
		l.lab.Want("effects", l.effects("a"), 1)
	})
}
