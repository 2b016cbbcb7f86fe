package httpkeys_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/keys/httpkeys"
	"github.com/jmoiron/sqlx"
)

// soak is a service that is started again and again, on a network that cuts its connections to the database.
type soak struct {
	*lab
	ns      *engine.Namespace
	pool    *sqlx.DB // of the running service
	service atomic.Pointer[http.Handler]
	answers sync.Map // by key: the first answer that a client has got
	done    atomic.Int64
}

// TestSoak sends requests again until they are answered, while the service is started again and again: 10 minutes in a long run.
// Each key has one effect, and every replay is the first answer byte for byte.
func TestSoak(t *testing.T) {
	t.Parallel()
	ns := engine.Get("sqlite").Namespace(t)
	s := &soak{lab: newLabOn(t, ns.DB()), ns: ns}
	ctx, stop := context.WithTimeout(t.Context(), time.Duration(engine.Size(1, 600))*time.Second)
	defer stop()
	s.start()
	var clients sync.WaitGroup
	for n := range 8 {
		clients.Go(func() { s.pay(ctx, n) })
	}
	for ctx.Err() == nil {
		wait, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		<-wait.Done()
		cancel()
		s.start()
	}
	clients.Wait()
	s.wantOneEffectEach()
	if s.done.Load() == 0 {
		t.Error("nothing was answered")
	}
	t.Logf("%d answers", s.done.Load())
}

// wantOneEffectEach checks that each key that was answered has one effect, and that no key has more.
func (s *soak) wantOneEffectEach() {
	s.Helper()
	var notes []string
	if err := s.db.Select(&notes, "SELECT note FROM effects"); err != nil {
		s.Fatal(err)
	}
	effects := map[string]int{}
	for _, note := range notes {
		if effects[note]++; effects[note] > 1 {
			s.Errorf("%s has another effect", note)
		}
	}
	s.answers.Range(func(key, _ any) bool {
		if effects[key.(string)] != 1 {
			s.Errorf("%v is answered and has no effect", key)
		}
		return true
	})
}

// start starts the service anew, with a pool and a store of its own.
func (s *soak) start() {
	draw := mathrand.New(mathrand.NewPCG(uint64(s.done.Load()), 1))
	var mu sync.Mutex
	var armed atomic.Bool
	db := faults.Open(s.TB, s.ns, func(p *faults.Point) error {
		mu.Lock()
		cut := draw.IntN(40) == 0
		mu.Unlock()
		if cut && armed.Load() {
			return faults.Cut(p)
		}
		return nil
	})
	l := &lab{s.TB, db.DB, openStore(s.TB, db.DB)}
	armed.Store(true)
	h := l.handler(func(w http.ResponseWriter, r *http.Request) {
		tx := httpkeys.Tx(r.Context())
		if _, err := tx.ExecContext(r.Context(), "INSERT INTO effects (note) VALUES ('"+tx.Key().ID+"')"); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Location", "/"+rand.Text())
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, rand.Text())
	})
	s.service.Store(&h)
	if s.pool != nil {
		s.pool.Close() // under the requests that are running
	}
	s.pool = db.DB
}

// pay sends each of its keys until there is an answer, and then twice more.
func (s *soak) pay(ctx context.Context, client int) {
	for n := 0; ctx.Err() == nil; n++ {
		key := fmt.Sprintf("key-%d-%d", client/2, n) // two clients share their keys
		for sent := 0; sent < 3 && ctx.Err() == nil; {
			w := do(*s.service.Load(), post(key, "x"))
			if w.Code != http.StatusCreated {
				continue
			}
			sent++
			s.done.Add(1)
			answer := w.Header().Get("Location") + " " + w.Body.String()
			if first, seen := s.answers.LoadOrStore(key, answer); seen && first != answer {
				s.Errorf("%s is answered with %q, and before with %q", key, answer, first)
				return
			}
		}
	}
}
