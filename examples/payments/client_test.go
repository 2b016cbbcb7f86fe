package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// answering is a client whose service gives these answers, "status body", one after the other.
func answering(t *testing.T, seen func(), answers ...string) (c *client, got *[]string) {
	t.Helper()
	var ids []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ids = append(ids, r.Header.Get(headerKey))
		var status int
		var body string
		_, _ = fmt.Sscanf(answers[0], "%d %s", &status, &body)
		answers = answers[1:]
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	l, err := openList(filepath.Join(t.TempDir(), "list"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	c = newPatientClient(func() string { return s.URL }, l, &network{inner: http.DefaultTransport, next: scripted()}, func(intent, int, answer) { seen() })
	return c, &ids
}

func TestClient_PaysUntilItIsSettled(t *testing.T) {
	t.Parallel()
	for last, status := range map[string]int{`201 {"balance":5}`: 201, `402 {}`: 402, `422 {}`: 422, `400 {}`: 400} {
		c, ids := answering(t, func() {}, `503 {}`, `409 {}`, `503 {}`, `201 {"bal`, last)
		i, err := c.list.mean(order{"ann", 1})
		if err != nil {
			t.Fatal(err)
		}
		a, err := c.pay(t.Context(), i)
		if err != nil || a.status != status || len(*ids) != 5 || len(slices.Compact(*ids)) != 1 {
			t.Errorf("%s: answer %v, %v after %d requests with the keys %q; want %d after 5 with one key", last, a, err, len(*ids), *ids, status)
		}
		if all := c.list.all(); len(all) != 1 || all[0].Outcome != status {
			t.Errorf("%s: the list has %+v; want the status", last, all)
		}
	}
}

func TestClient_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c, _ := answering(t, cancel, `503 {}`)
	i, err := c.list.mean(order{"ann", 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.pay(ctx, i); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v; want that it was cancelled", err)
	}
	if open := c.list.open(); len(open) != 1 || open[0] != i {
		t.Errorf("the list has %+v open; want what was not answered", open)
	}
}

func TestAnswer_Words(t *testing.T) {
	t.Parallel()
	for want, a := range map[string]answer{
		"201 paid, balance 1,234.05":          {status: 201, balance: 1234_05},
		"201 paid, replayed, balance 0.00":    {status: 201, replayed: true},
		"402 declined, replayed":              {status: 402, replayed: true, detail: "x"},
		"409 in progress":                     {status: 409},
		"422 another order's key":             {status: 422},
		"400 refused: why":                    {status: 400, detail: "why"},
		"500 Internal Server Error: our hand": {status: 500, detail: "our hand"},
		"503 try again":                       {status: 503},
		"no answer in time":                   {err: fmt.Errorf("Post: %w", errTimeout)},
		"connection lost":                     {err: errors.New("EOF")},
	} {
		if got := a.String(); got != want {
			t.Errorf("%+v is %q; want %q", a, got, want)
		}
		if !strings.HasPrefix(want, a.label()) {
			t.Errorf("%+v is counted as %q", a, a.label())
		}
	}
}
