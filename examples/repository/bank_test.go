package repository_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"testing"

	"github.com/goupsert/upsert/examples/repository"
	"github.com/goupsert/upsert/upserttest"
	_ "github.com/mattn/go-sqlite3"
)

func openBank(t testing.TB) *sql.DB { return upserttest.SQLite(t, repository.Schema) }

func TestTransfer(t *testing.T) {
	t.Parallel()
	upserttest.Idempotent(t, openBank, func(ctx context.Context, db *sql.DB) error {
		return repository.NewBank(db).Transfer(ctx, "r1", "ada", "bob", 40)
	}, upserttest.Quiet())
}

// TestTransferNaive fails, as Example shows. Its report ends with the line that runs it.
func TestTransferNaive(t *testing.T) {
	if os.Getenv("UPSERTTEST_PLACE") == "" {
		t.Skip("it fails; see Example")
	}
	upserttest.Idempotent(t, openBank, func(ctx context.Context, db *sql.DB) error {
		return repository.NewBank(db).TransferNaive(ctx, "r1", "ada", "bob", 40)
	})
}

// printer is a test that prints its failure.
type printer struct{ testing.TB }

func (printer) Helper()                           {}
func (printer) Name() string                      { return "TestTransferNaive" }
func (printer) Errorf(format string, args ...any) { fmt.Printf(format, args...) }

// The report on a method that is not safe to repeat.
func Example() {
	upserttest.Idempotent(printer{}, openBank, func(ctx context.Context, db *sql.DB) error {
		return repository.NewBank(db).TransferNaive(ctx, "r1", "ada", "bob", 40)
	})
	// Output:
	// upserttest: TestTransferNaive: not safe to repeat
	//
	//   place       an error after statement 2 of 4
	//   statement   2: UPDATE accounts SET balance = balance - ? WHERE name = ?
	//   at          bank.go:30
	//   broken run  failed: upserttest: an error after statement 2
	//   then        run again
	//
	//   table accounts (wanted → got)
	//                name  balance
	//     different  ada   60 → 20
	//
	//   rerun       UPSERTTEST_PLACE=2/after/error go test -count=1 -run '^TestTransferNaive$' github.com/goupsert/upsert/examples/repository
}
