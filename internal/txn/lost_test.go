package txn_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/txn"
)

// A transaction that was lost is worth another attempt, but not for a caller whose context has ended.
func TestLostError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want dialect.Class
	}{
		{driver.ErrBadConn, dialect.Retryable},
		{&txn.AbandonedError{Err: context.Canceled}, dialect.Permanent},
		{errors.Join(errors.New("read: reset"), context.DeadlineExceeded), dialect.Permanent},
	} {
		err := fmt.Errorf("wrapped: %w", &txn.LostError{Err: c.err})
		if got := dialect.Classify(err); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%v is %v; want %v", err, got, c.want)
		}
	}
}
