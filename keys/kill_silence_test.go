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

// afterTheEnd is how long a call may go on after its context's end, and what a busy machine adds.
const afterTheEnd = time.Second + 9*time.Second

// labelled is the head of a group of goroutines that have the same stack.
var labelled = regexp.MustCompile(`(?m)^(\d+) @`)

// waitingInTheDriver counts the goroutines of a label that calls have left behind.
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

// TestKillWireSilently: from one request on the network carries nothing, and does not say so. The call comes back soon after its
// context's end, says if it does not know, and leaves no more than one goroutine a connection, until the sockets end. What fn itself
// sends is fn's.
func TestKillWireSilently(t *testing.T) {
	t.Parallel()
	wires(t, func(g *ground) {
		if !g.first {
			return // the level is nothing to a network
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
		g.Fatalf("%s: it has not come back", what)
	}
	if took := time.Since(<-ended); took > afterTheEnd {
		g.Errorf("%s: it came back after %v", what, took)
	}
	var u *keys.UnknownError
	if errors.As(c.Err, &u) != unknown || !errors.Is(c.Err, context.Canceled) {
		g.Errorf("%s: %v; want the context's end, and to be told if it is unknown", what, c.Err)
	}
	if n := waitingInTheDriver(label); n > 2 {
		g.Errorf("%s: %d goroutines wait, want one a connection", what, n)
	}
	w.proxy.Cut(false)
	for deadline := time.Now().Add(lab.Patience); waitingInTheDriver(label) > 0; {
		if time.Now().After(deadline) {
			g.Fatalf("%s: a goroutine waits though the sockets have ended", what)
		}
	}
	g.wantOnce(what, fresh, id, &c, g.store)
}
