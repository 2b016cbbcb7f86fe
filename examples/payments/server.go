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
)

const (
	// waitForOther is how long a request waits for one with the same key before it is told to come back.
	waitForOther = 5 * time.Second
	readRequest  = 10 * time.Second
	mostBody     = 64 << 10
	mostKey      = 255

	headerKey      = "Idempotency-Key"
	headerReplayed = "Idempotency-Replayed"
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

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /payments", s.create)
	return mux
}

// create is POST /payments.
func (s *server) create(w http.ResponseWriter, r *http.Request) {
	id, err := keyOf(r.Header.Values(headerKey))
	if err != nil {
		writeProblem(w, problem{Status: http.StatusBadRequest, Detail: err.Error()})
		return
	}
	o, err := readOrder(http.MaxBytesReader(w, r.Body, mostBody))
	if err != nil {
		writeProblem(w, problem{Status: statusOfBody(err), Detail: err.Error()})
		return
	}
	paid, replayed, err := s.payOnce(r.Context(), o, id)
	if replayed && (err == nil || errors.Is(err, errDeclined)) {
		w.Header().Set(headerReplayed, "true")
	}
	if err != nil {
		writeProblem(w, s.problemOf(r.Context(), err))
		return
	}
	writeJSON(w, http.StatusCreated, "application/json", paid)
}

// payOnce is all it takes: a key, what the request was, and what to do about it. A key belongs to a customer, whom a real
// service knows from the request's credentials; nobody meets another one's key.
func (s *server) payOnce(ctx context.Context, o order, id string) (payment, bool, error) {
	key := keys.Key{Scope: o.Customer, Op: "payments.create", ID: id}
	if s.naive {
		key.ID = rand.Text()
	}
	fp, err := keys.FingerprintOf(o)
	if err != nil {
		return payment{}, false, err
	}
	return keys.Run(ctx, s.bank.keys, key, fp, func(ctx context.Context, tx *keys.Tx) (payment, error) {
		if s.hold != nil {
			s.hold()
		}
		return s.bank.pay(ctx, tx, o, id)
	}, keys.MaxWait(s.wait))
}

// keyOf returns the one key of a request. Of two headers nobody could say which was meant.
func keyOf(headers []string) (string, error) {
	if len(headers) > 1 {
		return "", fmt.Errorf("%s is there %d times: send it once", headerKey, len(headers))
	}
	if len(headers) == 0 || headers[0] == "" {
		return "", fmt.Errorf("%s is missing: send one of your own making, and the same one when you try again", headerKey)
	}
	id := headers[0]
	if len(id) > mostKey {
		return "", fmt.Errorf("%s has %d bytes: give at most %d", headerKey, len(id), mostKey)
	}
	for _, c := range []byte(id) {
		if c < ' ' || c > '~' {
			return "", fmt.Errorf("%s: give printable ASCII", headerKey)
		}
	}
	return id, nil
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
