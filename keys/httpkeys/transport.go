package httpkeys

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Transport is an [http.RoundTripper] that gives every POST and PATCH an Idempotency-Key header, and sends the request again
// under the same key if it may not have been carried out: after 503, after 409 with Retry-After, and if the connection was lost.
// The zero Transport is ready to use. A Transport is safe for concurrent use if its Base is; do not change its fields after the
// first use.
//
// A key that the caller has set is kept, and then requests of other methods are repeated too. A request is only repeated if its
// body can be read again, through http.Request.GetBody; http.NewRequest sets GetBody for the usual bodies. The caller's request
// is not changed.
//
// The key lives as long as one call of RoundTrip. A program that must repeat a request after a restart, or after the user has
// pressed a button again, sets the header itself.
type Transport struct {
	// Base sends the requests. Defaults to http.DefaultTransport.
	Base http.RoundTripper
	// Retries is how often a request is sent again. Defaults to 4; negative: never.
	Retries int
	// Pause is the pause before the first repetition; every other is twice the pause before. Defaults to 200 ms. A longer pause
	// that the server asks for with Retry-After is kept.
	Pause time.Duration
	// MaxPause is the longest pause. If the server asks for a longer one, its answer is returned. Defaults to 10 s.
	MaxPause time.Duration
}

const (
	defaultRetries  = 4
	defaultPause    = 200 * time.Millisecond
	defaultMaxPause = 10 * time.Second
)

// RoundTrip sends the request, and sends it again as described for [Transport]. RoundTrip returns the last answer, or the last
// error of Base.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	base, retries := t.Base, t.Retries
	if base == nil {
		base = http.DefaultTransport
	}
	if retries == 0 {
		retries = defaultRetries
	}
	keyed := withKey(r)
	if keyed.Header.Get(keyHeader) == "" {
		return base.RoundTrip(r)
	}
	for n := 0; ; n++ {
		res, err := base.RoundTrip(keyed)
		if n >= retries || !isRepeatable(r) || !calls(r.Context(), res, err) {
			return res, err
		}
		pause, ok := t.pause(r.Context(), n, res)
		if !ok {
			return res, err
		}
		discard(res)
		if end := wait(r.Context(), pause); end != nil {
			return nil, errors.Join(end, err)
		}
		if keyed, err = again(keyed); err != nil {
			return nil, err
		}
	}
}

// withKey returns r, or a copy of r with a key.
func withKey(r *http.Request) *http.Request {
	if !slices.Contains([]string{http.MethodPost, http.MethodPatch}, r.Method) || len(r.Header.Values(keyHeader)) > 0 {
		return r
	}
	keyed := r.Clone(r.Context())
	if keyed.Header == nil {
		keyed.Header = http.Header{}
	}
	keyed.Header.Set(keyHeader, `"`+newKey()+`"`)
	return keyed
}

// newKey returns a random UUID. A random UUID carries no time, so the client's clock does not matter.
func newKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// isRepeatable reports whether the request's body can be read again.
func isRepeatable(r *http.Request) bool {
	return r.Body == nil || r.Body == http.NoBody || r.GetBody != nil
}

// calls reports whether the answer calls for a repetition. A timeout of the connection's own does; the end of the request's context does
// not.
func calls(ctx context.Context, res *http.Response, err error) bool {
	if err != nil {
		return ctx.Err() == nil
	}
	return res.StatusCode == http.StatusServiceUnavailable || res.StatusCode == http.StatusConflict && res.Header.Get("Retry-After") != ""
}

// pause returns the pause after the n-th attempt. ok is false if the pause would be too long.
func (t *Transport) pause(ctx context.Context, n int, res *http.Response) (pause time.Duration, ok bool) {
	first, longest := t.Pause, t.MaxPause
	if first <= 0 {
		first = defaultPause
	}
	if longest <= 0 {
		longest = defaultMaxPause
	}
	pause = min(first<<min(n, 20), longest)
	if res != nil {
		pause = max(pause, retryAfter(res.Header.Get("Retry-After")))
	}
	deadline, limited := ctx.Deadline()
	return pause, pause <= longest && (!limited || time.Until(deadline) > pause)
}

// retryAfter reads a Retry-After header: seconds or a date.
func retryAfter(text string) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(seconds, 0), 1<<30)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return time.Until(at)
	}
	return 0
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// discard reads a short rest of an answer, so that its connection can be used again.
func discard(res *http.Response) {
	if res == nil {
		return
	}
	_, _ = io.CopyN(io.Discard, res.Body, 64<<10) // the connection is closed if there is more
	_ = res.Body.Close()
}

// again returns a copy of the request with its body from the beginning.
func again(r *http.Request) (*http.Request, error) {
	next := r.Clone(r.Context())
	if r.GetBody == nil {
		return next, nil
	}
	body, err := r.GetBody()
	next.Body = body
	return next, err
}
