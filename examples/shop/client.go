package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// errNoAnswer is all that a client knows of a lost request, of a lost answer and of a killed server.
var errNoAnswer = errors.New("no answer")

// mostAttempts is how often a client tries.
const mostAttempts = 5

// client is the network between the phone, or the queue, and the servers.
type client struct {
	wire *http.Transport
	lose int // answers to lose
}

// loses makes the network lose the next n answers.
func (p *play) loses(n int) { p.client.lose = n }

// pay presses Pay once, and the phone asks until it has an answer.
func (p *play) pay() error {
	return p.untilAnswered(payment{Amount: price, Reference: "lamp"}, newKey())
}

func (p *play) save() error { return p.untilAnswered(p.typed, "") }

func (p *play) deliver() error {
	return p.untilAnswered(message{ID: newKey(), Contents: "one lamp"}, "")
}

// together sends one payment to each of the servers, all at the same time.
func (p *play) together(servers ...string) error {
	key := newKey()
	var all sync.WaitGroup
	errs := make([]error, len(servers))
	sends := make([]func() error, len(servers))
	for i, name := range servers {
		sends[i] = p.request(name, payment{Amount: price, Reference: "lamp"}, key)
	}
	for i := range servers {
		all.Go(func() { errs[i] = sends[i]() })
	}
	all.Wait()
	return errors.Join(errs...)
}

// untilAnswered sends until there is an answer.
func (p *play) untilAnswered(body any, key string) error {
	for range mostAttempts {
		if err := p.request("", body, key)(); !errors.Is(err, errNoAnswer) {
			return err
		}
	}
	return fmt.Errorf("%w to %d attempts", errNoAnswer, mostAttempts)
}

// request tells the page that a request leaves, and returns what sends it.
func (p *play) request(server string, body any, key string) (send func() error) {
	p.mu.Lock()
	if server == "" {
		server = p.current
	}
	p.attempts++
	p.inFlight++
	p.met = p.met || p.inFlight > 1
	attempt, to := p.attempts, p.servers[server]
	p.mu.Unlock()
	p.publish(event{Kind: "arrow", Tone: "request", From: "client", To: server, Attempt: attempt, Text: p.story.asks(body, key)})
	return func() error {
		status, replayed, err := p.send(to, attempt, body, key)
		p.mu.Lock()
		p.inFlight--
		lost := err == nil && p.client.lose > 0
		if lost {
			p.client.lose--
		}
		p.mu.Unlock()
		defer p.showRows() //nolint:errcheck // the rows at the end are what counts
		if lost || err != nil {
			p.publish(event{Kind: "lost", Tone: "answer", From: server, To: "client", Attempt: attempt, Text: "no answer"})
			return errors.Join(errNoAnswer, p.replaceKilled(to, err))
		}
		e := event{Kind: "arrow", Tone: "answer", From: server, To: "client", Attempt: attempt, Text: strconv.Itoa(status) + " " + p.story.answers(status)}
		if replayed {
			e.Tone, e.Text = "replay", e.Text+", as before"
		}
		p.publish(e)
		return nil
	}
}

// replaceKilled starts another server if one did not answer because it was killed. An answer that the network has lost is no error.
func (p *play) replaceKilled(server *process, err error) error {
	if err == nil {
		return nil
	}
	select {
	case <-server.ended:
		return p.start("B")
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

// send sends a request to a server.
func (p *play) send(to *process, attempt int, body any, key string) (status int, replayed bool, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, false, err
	}
	ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
	defer cancel()
	method, path := p.story.method()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+to.addr+path, bytes.NewReader(text))
	if err != nil {
		return 0, false, err
	}
	r.Header.Set("Bank", p.bank.id)
	r.Header.Set("Attempt", strconv.Itoa(attempt))
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	p.mu.Lock()
	p.requests++
	p.mu.Unlock()
	resp, err := p.client.wire.RoundTrip(r)
	if err != nil {
		return 0, false, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Header.Get("Idempotent-Replayed") != "", err
}
