package main

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// counting is a service that says the number of the request.
func counting(t *testing.T) (url string, requests *atomic.Int64) {
	t.Helper()
	requests = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests.Add(1)
		_, _ = w.Write(body)
	}))
	t.Cleanup(s.Close)
	return s.URL, requests
}

func TestNetwork_Faults(t *testing.T) {
	t.Parallel()
	for f, want := range map[fault]struct {
		requests int64
		err      error
	}{
		delivered:   {1, nil},
		requestLost: {0, errTimeout},
		answerLost:  {1, errTimeout},
		doubled:     {2, nil},
	} {
		url, requests := counting(t)
		n := &network{inner: http.DefaultTransport, next: scripted(f)}
		resp, err := (&http.Client{Transport: n}).Post(url, "text/plain", strings.NewReader("the body"))
		if !errors.Is(err, want.err) || requests.Load() != want.requests {
			t.Errorf("fault %d: error %v after %d requests; want %v after %d", f, err, requests.Load(), want.err, want.requests)
		}
		if want.err == nil {
			if got := bodyOf(t, resp); got != "the body" {
				t.Errorf("fault %d: the body arrived as %q", f, got)
			}
		}
		if n.counts()[f] != 1 {
			t.Errorf("fault %d: counted %v", f, n.counts())
		}
	}
}

func TestNetwork_UnreliableIsTheSeeds(t *testing.T) {
	t.Parallel()
	draw := func(seed uint64) (out [1000]fault) {
		next := unreliable(rand.New(rand.NewPCG(seed, 1)))
		for i := range out {
			out[i] = next()
		}
		return out
	}
	if one, again, other := draw(1), draw(1), draw(2); one != again || one == other {
		t.Error("the faults are not the seed's")
	}
	var seen [4]int
	for _, f := range draw(1) {
		seen[f]++
	}
	for f, n := range seen {
		if n < 50 {
			t.Errorf("fault %d is drawn %d times in 1000", f, n)
		}
	}
}
