package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/goupsert/upsert/keys"
	"github.com/goupsert/upsert/keys/httpkeys"
)

const (
	// waitForOther is how long a request waits for one with the same key before it is told to come back.
	waitForOther = 5 * time.Second
	readRequest  = 10 * time.Second
	mostBody     = 64 << 10

	headerKey      = "Idempotency-Key"
	headerReplayed = "Idempotent-Replayed"
)

// server is the HTTP service.
type server struct {
	bank  *bank
	naive bool
	wait  time.Duration
	read  time.Duration // how long a request may take to come
	log   func(error)   // what is this side's fault
	hold  func()        // called inside a payment's transaction; nil outside of tests
}

// handler is all it takes: whose a key is, and what makes two requests the same.
func (s *server) handler() http.Handler {
	once := httpkeys.New(s.bank.keys, s.scope, httpkeys.MaxWait(s.wait), httpkeys.FingerprintBy(fingerprint))
	mux := http.NewServeMux()
	mux.HandleFunc("POST /payments", func(w http.ResponseWriter, r *http.Request) {
		o, err := readOrder(http.MaxBytesReader(w, r.Body, mostBody))
		if err != nil {
			writeProblem(w, problem{Status: statusOfBody(err), Detail: err.Error()})
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), orderKey{}, o))
		if err := once.Serve(w, r, s.create); err != nil {
			writeProblem(w, s.problemOf(r.Context(), err))
		}
	})
	return mux
}

type orderKey struct{}

func orderOf(r *http.Request) order { return r.Context().Value(orderKey{}).(order) }

// scope: a key belongs to a customer, whom a real service knows from the request's credentials; nobody meets another one's
// key. The naive service knows no request again.
func (s *server) scope(r *http.Request) (string, error) {
	customer := orderOf(r).Customer
	if s.naive {
		customer += " " + rand.Text()
	}
	return customer, nil
}

// fingerprint: the order of the members and white space do not matter.
func fingerprint(r *http.Request, _ []byte) (keys.Fingerprint, error) {
	return keys.FingerprintOf(orderOf(r))
}

// create is POST /payments, once. An error rolls back, and nothing is remembered; a declined order is an answer.
func (s *server) create(w http.ResponseWriter, r *http.Request) error {
	if s.hold != nil {
		s.hold()
	}
	tx := httpkeys.Tx(r.Context())
	paid, err := s.bank.pay(r.Context(), tx, orderOf(r), tx.Key().ID)
	switch {
	case errors.Is(err, errDeclined):
		writeProblem(w, problem{Status: http.StatusPaymentRequired, Detail: errDeclined.Error()})
	case err != nil:
		return err
	default:
		writeJSON(w, http.StatusCreated, "application/json", paid)
	}
	return nil
}

// readOrder reads an order whose JSON says nothing else: encoding/json takes the last of two members of a name, in any case.
func readOrder(body io.Reader) (order, error) {
	var o order
	text, err := io.ReadAll(body)
	if err != nil {
		return o, fmt.Errorf("the body cannot be read: %w", err)
	}
	if err := json.Unmarshal(text, &o); err != nil {
		return o, fmt.Errorf(`the body is no {"customer":"ann","amount":1250}: %w`, err)
	}
	sent, err := keys.FingerprintOf(json.RawMessage(text))
	if err != nil {
		return o, fmt.Errorf("the body: %w", err)
	}
	if err := o.check(); err != nil {
		return o, err
	}
	if read, err := keys.FingerprintOf(o); err != nil || read != sent {
		return o, errors.New(`the body: give "customer" and "amount", and nothing else`)
	}
	return o, nil
}

func statusOfBody(err error) int {
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

// listen serves until stop is called, which lets requests that are under way come to their end.
func (s *server) listen(address string) (at net.Addr, stop func() error, err error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, nil, err
	}
	srv := &http.Server{Handler: s.handler(), ReadTimeout: s.read} // of headers and body
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	return l.Addr(), func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		err := srv.Shutdown(ctx)
		if e := <-served; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
		return err
	}, nil
}

// serve is -serve.
func (p *program) serve(ctx context.Context, b *bank) error {
	at, stop, err := p.newServer(b).listen(p.cfg.serve)
	if err != nil {
		return err
	}
	p.out.printf("listening on http://%s/payments, on %s; the customers are %v\n", at, b.kind, p.cfg.names())
	<-ctx.Done()
	return stop()
}

func (p *program) newServer(b *bank) *server {
	return &server{bank: b, naive: p.cfg.naive, wait: waitForOther, read: readRequest, log: func(err error) { fmt.Fprintf(p.errs, "payments: %v\n", err) }}
}
