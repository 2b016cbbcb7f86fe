package txn

import (
	"context"
	"errors"

	"github.com/goupsert/upsert/dialect"
)

// LostError says that a transaction was lost with its connection before its commit: nothing of the transaction was kept.
type LostError struct{ Err error }

func (e *LostError) Error() string { return e.Err.Error() }

// Unwrap returns the driver's error.
func (e *LostError) Unwrap() error { return e.Err }

// Class returns Retryable, or Permanent if a context's end has lost the transaction.
func (e *LostError) Class() dialect.Class {
	if errors.Is(e.Err, context.Canceled) || errors.Is(e.Err, context.DeadlineExceeded) {
		return dialect.Permanent
	}
	return dialect.Retryable
}
