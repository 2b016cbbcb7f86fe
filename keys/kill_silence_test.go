package keys_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

// afterTheEnd is the time that a call may take after the end of its context, plus a margin for a busy machine.
const afterTheEnd = time.Second + 9*time.Second

// labelled matches the head of a group of goroutines that have the same stack.
var labelled = regexp.MustCompile(`(?m)^(\d+) @`)

// waitingInTheDriver returns the number of goroutines with this label that calls have left behind.
func waitingInTheDriver(label string) (n int) {
	var b strings.Builder
	_ = pprof.Lookup("goroutine").WriteTo(&b, 1)
	for group := range strings.SplitSeq(b.String(), "\n\n") {
		if head := labelled.FindStringSubmatch(group); head != nil && strings.Contains(group, strconv.Quote(label)) && strings.Contains(group, "boundedCall).run") {
			some, _ := strconv.Atoi(head[1])
			n += some
		}
	}
	return n
}

// TestKillWireSilently has the network drop everything from one request on, without an error. The call must return soon
// after the end of its context, and must say if the result is unknown. It may leave one goroutine per connection until the
// sockets close. Statements of fn itself are not tested.
func TestKillWireSilently(t *testing.T) {
	t.Parallel()
	wires(t, func(g *ground) {
		if !g.first {
			return // the isolation level makes no difference to the network
		}
		requests, commit := g.requests(fresh)
		for at, r := range requests {
			if !strings.Contains(r.Text, "effects") {
				g.silence(at, at == commit, fmt.Sprintf("silence from %d %v %.60s on", at, r.Kind, r.Text))
			}
		}
	})
}

func (g *ground) silence(at int, unknown bool, what string) {
	g.Helper()
	w, id := g.wired(), fmt.Sprint("silent-", at)
	label := g.Name() + id
	ctx, cancel := context.WithCancel(g.Context())
	defer cancel()
	ended, silent := make(chan time.Time, 1), sync.Once{}
	w.proxy.Obey(func(r faults.Request) faults.Fate {
		if r.Index < w.begin+at {
			return faults.Pass
		}
		silent.Do(func() {
			ended <- time.Now()
			cancel()
		})
		return faults.Silence
	})
	done := make(chan call, 1)
	pprof.Do(ctx, pprof.Labels("silent", label), func(ctx context.Context) {
		go func() { done <- fresh.run(ctx, w.store, id, g.level) }()
	})
	var c call
	select {
	case c = <-done:
	case <-time.After(lab.Patience):
		g.Fatalf("%s: the call has not returned", what)
	}
	if took := time.Since(<-ended); took > afterTheEnd {
		g.Errorf("%s: the call returned after %v", what, took)
	}
	var u *keys.UnknownError
	if errors.As(c.Err, &u) != unknown || !errors.Is(c.Err, context.Canceled) {
		g.Errorf("%s: %v; want the error of the context, and an UnknownError if the result is unknown", what, c.Err)
	}
	if n := waitingInTheDriver(label); n > 2 {
		g.Errorf("%s: %d goroutines wait, want one per connection", what, n)
	}
	w.proxy.Cut(false)
	for deadline := time.Now().Add(lab.Patience); waitingInTheDriver(label) > 0; {
		if time.Now().After(deadline) {
			g.Fatalf("%s: a goroutine waits although the sockets are closed", what)
		}
	}
	g.wantOnce(what, fresh, id, &c, g.store)
}
