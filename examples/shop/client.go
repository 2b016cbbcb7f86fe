package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/goupsert/upsert/keys/httpkeys"
)

// errNoAnswer is all that a client knows of a lost request, of a lost answer and of a killed server.
var errNoAnswer = errors.New("no answer")

const (
	patience       = 30 * time.Second // for one request
	mostDeliveries = 5                // of one message
)

// pay presses Pay at the servers of these names, all at the same time. The key belongs to the order and not to the press. The
// phone's transport asks again if there is no answer.
func (p *play) pay(servers ...string) error {
	phone := &http.Client{Transport: &httpkeys.Transport{Base: p.network, Pause: time.Millisecond}}
	p.network.presses, p.network.pressed = make(chan struct{}), make(chan struct{})
	key, errs := newKey(), make(chan error, len(servers))
	for _, server := range servers {
		go func() { errs <- p.send(phone, server, payment{Amount: price, Reference: "lamp"}, key) }()
		<-p.network.presses
	}
	close(p.network.pressed)
	var err error
	for range servers {
		err = errors.Join(err, <-errs)
	}
	return err
}

// save saves the address again if there is no answer.
func (p *play) save() error { return p.untilAnswered(p.typed) }

// deliver delivers a message again if it is not acknowledged.
func (p *play) deliver() error { return p.untilAnswered(message{ID: newKey(), Contents: "one lamp"}) }

func (p *play) untilAnswered(body any) error {
	client := &http.Client{Transport: p.network}
	for range mostDeliveries {
		if err := p.send(client, "A", body, ""); !errors.Is(err, errNoAnswer) {
			return err
		}
	}
	return errNoAnswer
}

// send sends a request, and fails if the answer is no success.
func (p *play) send(client *http.Client, server string, body any, key string) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithValue(p.ctx, labelKey{}, p.story.asks(body, key)), patience)
	defer cancel()
	method, path := p.story.method()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+server+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	if answer.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("server %s answers %s", server, answer.Status)
	}
	return errors.Join(err, answer.Body.Close())
}

// labelKey is what a request says on the page.
type labelKey struct{}

// network is what lies between the phone, or the queue, and the servers. It loses answers, and tells the page what it carries.
type network struct {
	p    *play
	wire http.RoundTripper

	presses chan struct{} // tells of each request that it is about to leave; nil if the requests leave one by one
	pressed chan struct{} // closed when they all leave

	mu   sync.Mutex
	lose int // answers to lose
}

// RoundTrip carries a request to the server that its URL names, or to the one that was started in the place of that server.
func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	attempt, server := n.p.route(r.URL.Host)
	label, _ := r.Context().Value(labelKey{}).(string)
	n.p.publish(event{Kind: "arrow", Tone: "request", From: "client", To: server.name, Attempt: attempt, Text: label})
	n.leave()
	out := r.Clone(r.Context())
	out.URL.Host = server.addr
	out.Header.Set("Bank", n.p.bank.id)
	out.Header.Set("Attempt", strconv.Itoa(attempt))
	answer, err := n.wire.RoundTrip(out)
	defer n.p.showRows() //nolint:errcheck // the rows at the end are what counts
	if err != nil || n.loses() {
		n.p.publish(event{Kind: "lost", Tone: "answer", From: server.name, To: "client", Attempt: attempt, Text: "no answer"})
		if err == nil {
			return nil, errors.Join(errNoAnswer, answer.Body.Close())
		}
		return nil, errors.Join(errNoAnswer, n.p.replace(server))
	}
	e := event{Kind: "arrow", Tone: "answer", From: server.name, To: "client", Attempt: attempt, Text: strconv.Itoa(answer.StatusCode) + " " + n.p.story.answers(answer.StatusCode)}
	if answer.Header.Get("Idempotent-Replayed") != "" {
		e.Tone, e.Text = "replay", e.Text+", as before"
	}
	n.p.publish(e)
	return answer, nil
}

// leave waits until the requests that leave together can leave.
func (n *network) leave() {
	if n.presses == nil {
		return
	}
	select {
	case n.presses <- struct{}{}:
		<-n.pressed
	case <-n.pressed: // this one is a repetition
	}
}

// loses reports whether the answer that has just come gets lost.
func (n *network) loses() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lose--
	return n.lose >= 0
}
