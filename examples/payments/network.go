package main

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
)

// fault is what the network does to one request.
type fault int

const (
	delivered   fault = iota
	requestLost       // it never arrives
	answerLost        // the server carries it out and answers, and nobody hears
	doubled           // it arrives twice at once; the client hears the first answer
)

// errTimeout is all a client knows of a lost request, and all it knows of a lost answer.
var errTimeout = errors.New("no answer in time")

// network is a http.RoundTripper. Nothing really waits for a timeout: the time would teach nothing. (Apart from all this,
// net/http sends a request with an Idempotency-Key again by itself when the connection it had kept turns out dead.)
type network struct {
	inner http.RoundTripper
	next  func() fault

	mu   sync.Mutex
	seen [4]int // requests, by fault
}

// newWire returns what carries the requests. Close its idle connections before a server stops: it would wait for a request
// on them.
func newWire(clients int) *http.Transport { return &http.Transport{MaxIdleConnsPerHost: clients} }

// scripted does one thing after the other, and then delivers.
func scripted(faults ...fault) func() fault {
	return func() fault {
		if len(faults) == 0 {
			return delivered
		}
		f := faults[0]
		faults = faults[1:]
		return f
	}
}

// unreliable draws: of 100 requests it loses 10, and the answers of 15 more, and doubles 10.
func unreliable(r *rand.Rand) func() fault {
	return func() fault {
		switch n := r.IntN(100); {
		case n < 10:
			return requestLost
		case n < 25:
			return answerLost
		case n < 35:
			return doubled
		default:
			return delivered
		}
	}
}

func (n *network) draw() fault {
	n.mu.Lock()
	defer n.mu.Unlock()
	f := n.next()
	n.seen[f]++
	return f
}

// counts returns how many requests met each fault.
func (n *network) counts() [4]int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.seen
}

// RoundTrip sends a request, or not, or twice.
func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	switch n.draw() {
	case requestLost:
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, errTimeout
	case answerLost:
		resp, err := n.inner.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		drop(resp)
		return nil, errTimeout
	case doubled:
		return n.twice(r)
	default:
		return n.inner.RoundTrip(r)
	}
}

func (n *network) twice(r *http.Request) (*http.Response, error) {
	copied := r.Clone(r.Context())
	var err error
	if copied.Body, err = r.GetBody(); err != nil {
		return nil, err
	}
	type answer struct {
		resp *http.Response
		err  error
	}
	answers := make(chan answer, 2)
	for _, one := range []*http.Request{r, copied} {
		go func() {
			resp, err := n.inner.RoundTrip(one)
			answers <- answer{resp, err}
		}()
	}
	// Both are awaited: the books are compared when no request is on its way.
	first, second := <-answers, <-answers
	if first.err != nil {
		first, second = second, first
	}
	if second.err == nil {
		drop(second.resp)
	}
	return first.resp, first.err
}

func drop(resp *http.Response) {
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
}
