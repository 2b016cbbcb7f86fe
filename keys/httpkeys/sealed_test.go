package httpkeys_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/keys"
	"github.com/goupsert/upsert/keys/httpkeys"
)

// reversed is a Sealed codec that nobody should use.
func reversed(name string) keys.Codec {
	flip := func(data []byte) ([]byte, error) {
		out := make([]byte, len(data))
		for i, b := range data {
			out[i] = ^b
		}
		return out, nil
	}
	return keys.Sealed(name, nil, flip, flip)
}

// A store that seals its results also seals responses, and reads those that were stored before.
func TestSealedResponses(t *testing.T) {
	t.Parallel()
	plain := newLabOn(t, engine.Get("sqlite").Open(t))
	sealed := &lab{t, plain.db, openStore(t, plain.db, keys.Codecs(reversed("new"), reversed("old")))}
	older := &lab{t, plain.db, openStore(t, plain.db, keys.Codecs(reversed("old")))}
	for name, opts := range map[string][]httpkeys.Option{"tx": nil, "leased": {httpkeys.Leased()}} {
		for path, status := range map[string]int{"done": 201, "declined": 402} {
			answer := func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, "the secret body")
			}
			for key, first := range map[string]*lab{"plain": plain, "sealed": sealed, "older": older} {
				key = name + "-" + path + "-" + key
				for n, l := range []*lab{first, sealed, sealed} {
					w := do(l.handler(answer, opts...), post(key, ""))
					if w.Code != status || w.Body.String() != "the secret body" || (w.Header().Get("Idempotent-Replayed") == "true") != (n > 0) {
						t.Errorf("%s, %d: %d %v %s", key, n, w.Code, w.Header(), w.Body)
					}
				}
				info, err := sealed.store.Inspect(t.Context(), keys.Key{Scope: "ann", Op: "http", ID: key})
				if err != nil {
					t.Fatal(err)
				}
				if open := bytes.Contains(info.Result, []byte("secret")) || bytes.Contains(info.Result, []byte(`"answer"`)); open != (first == plain) {
					t.Errorf("%s is stored as %q", key, info.Result)
				}
				if state := sealed.state(key); state != "done" {
					t.Errorf("%s is %s; want done", key, state)
				}
			}
		}
	}
}
