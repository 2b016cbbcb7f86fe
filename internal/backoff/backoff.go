// Package backoff is how long is waited before something is tried again.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	first = 4 * time.Millisecond
	most  = 500 * time.Millisecond
)

// Wait waits before the attempt after the n-th. The wait is random, up to a bound that doubles with n from 4 ms to half a
// second, so that those who met once do not meet again. It returns the context's error if that ends first.
func Wait(ctx context.Context, n int) error {
	return Pause(ctx, rand.N(min(first<<min(n-1, 20), most)))
}

// Pause waits for d. It returns the context's error if that ends first.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
