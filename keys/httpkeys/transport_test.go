package httpkeys_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/keys/httpkeys"
)

// answers is a Base that answers with statuses, one after the other. 0 is a lost connection. A status from 1000 on has a
// Retry-After of so many seconds more.
type answers struct {
	statuses []int
	seen     []*http.Request
	bodies   []string
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	a.seen = append(a.seen, r)
	body := ""
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		_ = r.Body.Close()
		body = string(b)
	}
	a.bodies = append(a.bodies, body)
	status := a.statuses[min(len(a.seen), len(a.statuses))-1]
	if status == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	w := httptest.NewRecorder()
	if status > 1000 {
		w.Header().Set("Retry-After", "0")
		status -= 1000
	}
	w.WriteHeader(status)
	return w.Result(), nil
}

func TestTransport(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method   string
		statuses []int
		body     io.Reader
		want     int // 0: an error
		sent     int
	}{
		"at once":                     {"POST", []int{201}, strings.NewReader("x"), 201, 1},
		"503":                         {"POST", []int{503, 503, 201}, strings.NewReader("x"), 201, 3},
		"503 for ever":                {"PATCH", []int{503}, bytes.NewReader([]byte("x")), 503, 4},
		"409 with Retry-After":        {"POST", []int{1409, 1409, 201}, nil, 201, 3},
		"409 without Retry-After":     {"POST", []int{409, 201}, strings.NewReader("x"), 409, 1},
		"500":                         {"POST", []int{500, 201}, strings.NewReader("x"), 500, 1},
		"422":                         {"POST", []int{422, 201}, strings.NewReader("x"), 422, 1},
		"a lost connection":           {"POST", []int{0, 0, 201}, strings.NewReader("x"), 201, 3},
		"lost for ever":               {"POST", []int{0}, strings.NewReader("x"), 0, 4},
		"a body that cannot be read":  {"POST", []int{503, 201}, io.MultiReader(strings.NewReader("x")), 503, 1},
		"such a body, and it is lost": {"POST", []int{0, 201}, io.MultiReader(strings.NewReader("x")), 0, 1},
		"GET":                         {"GET", []int{503, 201}, nil, 503, 1},
	} {
		base := &answers{statuses: c.statuses}
		r, err := http.NewRequestWithContext(t.Context(), c.method, "http://example.com", c.body)
		if err != nil {
			t.Fatal(err)
		}
		res, err := (&httpkeys.Transport{Base: base, Retries: 3, Pause: time.Microsecond}).RoundTrip(r)
		got := 0
		if err == nil {
			got = res.StatusCode
			_ = res.Body.Close()
		}
		if got != c.want || len(base.seen) != c.sent || len(r.Header) != 0 {
			t.Errorf("%s: %d after %d requests, and the caller's request has %v; want %d after %d and nothing", name, got, len(base.seen), r.Header, c.want, c.sent)
		}
		keys := map[string]bool{}
		for n, seen := range base.seen {
			keys[seen.Header.Get("Idempotency-Key")] = true
			if base.bodies[n] != base.bodies[0] {
				t.Errorf("%s: the bodies are %q", name, base.bodies)
			}
		}
		if len(keys) != 1 || keys[""] != (c.method == "GET") {
			t.Errorf("%s: the keys are %v; want one", name, keys)
		}
	}
}

// The caller's key is kept, and two requests have two keys.
func TestTransport_Key(t *testing.T) {
	t.Parallel()
	base := &answers{statuses: []int{201}}
	client := http.Client{Transport: &httpkeys.Transport{Base: base}}
	for _, key := range []string{"mine", "", ""} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://example.com", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		if key != "" {
			r.Header.Set("Idempotency-Key", key)
		}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	own, one, two := base.seen[0].Header.Get("Idempotency-Key"), base.seen[1].Header.Get("Idempotency-Key"), base.seen[2].Header.Get("Idempotency-Key")
	if own != "mine" || one == two || len(one) != 38 || one[0] != '"' {
		t.Errorf("the keys are %s, %s and %s", own, one, two)
	}
}

// A pause ends with the context, and an answer is returned if the pause would be too long.
func TestTransport_Pause(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	base := &answers{statuses: []int{503}}
	send := func(ctx context.Context, transport *httpkeys.Transport) (int, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://example.com", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := transport.RoundTrip(r)
		if err != nil {
			return 0, err
		}
		_ = res.Body.Close()
		return res.StatusCode, nil
	}
	time.AfterFunc(time.Millisecond, cancel)
	if _, err := send(ctx, &httpkeys.Transport{Base: base, Pause: time.Hour, MaxPause: time.Hour}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v; want the context's end", err)
	}
	short, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	if status, err := send(short, &httpkeys.Transport{Base: base, Pause: time.Hour, MaxPause: time.Hour}); status != 503 || err != nil {
		t.Errorf("a pause beyond the deadline: %d, %v; want 503 at once", status, err)
	}
	base.statuses = []int{429}
	if status, err := send(t.Context(), &httpkeys.Transport{Base: base, Retries: -1}); status != 429 || err != nil {
		t.Errorf("%d, %v; want 429", status, err)
	}
}

// A client with a Transport and a server with the middleware need nothing else.
func TestTransport_WithMiddleware(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	lost := 2
	h := l.middleware(httpkeys.Strict()).Handler(l.replies("both", 201, "made"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if lost--; lost >= 0 {
			do(h, r) // it is carried out, and the answer is lost
			panic(http.ErrAbortHandler)
		}
		h.ServeHTTP(w, r)
	}))
	defer server.Close()
	client := http.Client{Transport: &httpkeys.Transport{Pause: time.Millisecond}}
	res, err := client.Post(server.URL, "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if res.StatusCode != 201 || string(body) != "made" || err != nil || l.effects("both") != 1 {
		t.Errorf("%d %s, %v and %d effects; want 201 and 1", res.StatusCode, body, err, l.effects("both"))
	}
}
