package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/goupsert/upsert/keys/httpkeys"
)

const (
	// mostTries is far more than any outage here takes.
	mostTries = 300
	firstWait = 5 * time.Millisecond
	mostWait  = time.Second
)

// client pays what is on its list.
type client struct {
	http *http.Client
	list *list
}

// newClient returns a client that sends once, and that a person has to tell to send again.
func newClient(url func() string, l *list, n *network) *client {
	return newClientOn(&attempts{n, url, func(intent, int, answer) {}}, l)
}

// newPatientClient returns a client that sends a request again, under its key, until it is answered.
func newPatientClient(url func() string, l *list, n *network, seen func(intent, int, answer)) *client {
	return newClientOn(&httpkeys.Transport{Base: &attempts{n, url, seen}, Retries: mostTries, Pause: firstWait, MaxPause: mostWait}, l)
}

// The time is not the network's: it is for a server that has come to a stand.
func newClientOn(t http.RoundTripper, l *list) *client {
	return &client{&http.Client{Transport: t, Timeout: time.Minute}, l}
}

// attempts sends each attempt to where the service is now, and says what came of it.
type attempts struct {
	inner http.RoundTripper
	url   func() string
	seen  func(i intent, try int, a answer)
}

func (t *attempts) RoundTrip(r *http.Request) (*http.Response, error) {
	at, err := url.Parse(t.url())
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = at.Scheme, at.Host
	resp, err := t.inner.RoundTrip(r)
	a := answer{err: err}
	if err == nil {
		a, err = read(resp)
	}
	if p, paying := r.Context().Value(payingKey{}).(*paying); paying && r.Context().Err() == nil {
		p.tries++
		t.seen(p.intent, p.tries, a)
	}
	return resp, err
}

type payingKey struct{}

// paying is an intent on its way.
type paying struct {
	intent intent
	tries  int
}

// answer is what the client got for one request.
type answer struct {
	status   int // 0: err says why there is none
	replayed bool
	balance  int64
	detail   string
	err      error
}

// settles is true for an answer that another attempt would not change.
func (a answer) settles() bool {
	return a.status >= 200 && a.status < 500 && a.status != http.StatusConflict && a.status != http.StatusTooManyRequests
}

// pay sends an intent until its answer is settled, and notes that on the list.
func (c *client) pay(ctx context.Context, i intent) (answer, error) {
	a := c.send(context.WithValue(ctx, payingKey{}, &paying{intent: i}), i.Order, i.Key)
	if err := ctx.Err(); err != nil {
		return a, err
	}
	if !a.settles() {
		return a, fmt.Errorf("%s of %s has no answer: %v", cents(i.Order.Amount), i.Order.Customer, a)
	}
	return a, c.list.settle(i, a.status)
}

// send is one request. Without a key it has no header.
func (c *client) send(ctx context.Context, o order, key string) answer {
	body, err := json.Marshal(o)
	if err != nil {
		return answer{err: err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://payments/payments", bytes.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set(headerKey, key)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{err: err}
	}
	a, err := read(resp)
	if err != nil {
		return answer{err: err}
	}
	return a
}

// read reads an answer whose body can then be read again.
func read(resp *http.Response) (answer, error) {
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return answer{err: err}, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var said struct {
		Balance int64  `json:"balance"`
		Detail  string `json:"detail"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		err = fmt.Errorf("status %d with a body that cannot be read: %w", resp.StatusCode, err)
		return answer{err: err}, err
	}
	return answer{status: resp.StatusCode, replayed: resp.Header.Get(headerReplayed) == "true", balance: said.Balance, detail: said.Detail}, nil
}

// label is the kind of the answer, to count by.
func (a answer) label() string {
	if a.err != nil {
		if errors.Is(a.err, errTimeout) {
			return "no answer in time"
		}
		return "connection lost"
	}
	text := map[int]string{
		http.StatusCreated: "paid", http.StatusPaymentRequired: "declined", http.StatusConflict: "in progress",
		http.StatusUnprocessableEntity: "another order's key", http.StatusBadRequest: "refused", http.StatusServiceUnavailable: "try again",
	}[a.status]
	if text == "" {
		text = http.StatusText(a.status)
	}
	label := fmt.Sprintf("%d %s", a.status, text)
	if a.replayed {
		label += ", replayed"
	}
	return label
}

// String is the label, with the balance or the reason where there is one.
func (a answer) String() string {
	switch a.status {
	case http.StatusCreated:
		return a.label() + ", balance " + cents(a.balance)
	case http.StatusBadRequest, http.StatusInternalServerError:
		return a.label() + ": " + a.detail
	default:
		return a.label()
	}
}
