package httpkeys_test

import (
	"net/http"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
)

// The core runs on every engine.
func TestCore(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		l := newLab(t, e)
		for name, test := range map[string]func(*testing.T, *lab){
			"replays":     testReplays,
			"rolled back": testRolledBack,
		} {
			t.Run(name, func(t *testing.T) { test(t, &lab{t, l.db, l.store}) })
		}
	})
}

func testReplays(t *testing.T, l *lab) {
	h := l.handler(l.replies("replays", http.StatusCreated, "made"))
	first, second := do(h, post("r1", "x")), do(h, post(`"r1"`, "x"))
	if first.Code != 201 || first.Body.String() != "made" || first.Header().Get("Idempotent-Replayed") != "" {
		t.Errorf("first: %d %v %s", first.Code, first.Header(), first.Body)
	}
	if second.Code != 201 || second.Body.String() != "made" || second.Header().Get("Idempotent-Replayed") != "true" {
		t.Errorf("second: %d %v %s", second.Code, second.Header(), second.Body)
	}
	if n := l.effects("replays"); n != 1 {
		t.Errorf("%d effects; want 1", n)
	}
	if other := do(h, post("r1", "y")); other.Code != 422 {
		t.Errorf("another body: %d; want 422", other.Code)
	}
}

// From 400 on the writes are rolled back, and the response alone is remembered below 500.
func testRolledBack(t *testing.T, l *lab) {
	for key, c := range map[string]struct {
		status int
		second string
	}{
		"declined": {402, "true"}, "failed": {500, ""}, "early": {425, ""},
	} {
		h := l.handler(l.replies(key, c.status, "no"))
		for n, replayed := range []string{"", c.second} {
			w := do(h, post(key, ""))
			if w.Code != c.status || w.Body.String() != "no" || w.Header().Get("Idempotent-Replayed") != replayed {
				t.Errorf("%s %d: %d %v %s; want %d, replayed %q", key, n, w.Code, w.Header(), w.Body, c.status, replayed)
			}
		}
		if n := l.effects(key); n != 0 {
			t.Errorf("%s: %d effects; want 0", key, n)
		}
	}
}
