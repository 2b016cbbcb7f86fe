package txn

import (
	"context"
	"errors"

	"github.com/goupsert/upsert/dialect"
)

// LostError says that a transaction is gone with its connection before its commit: nothing of it was kept.
type LostError struct{ Err error }

func (e *LostError) Error() string { return e.Err.Error() }

// Unwrap returns what the driver said.
func (e *LostError) Unwrap() error { return e.Err }

// Class is Retryable, unless it was a context's end that has lost the transaction.
func (e *LostError) Class() dialect.Class {
	if errors.Is(e.Err, context.Canceled) || errors.Is(e.Err, context.DeadlineExceeded) {
		return dialect.Permanent
	}
	return dialect.Retryable
}
