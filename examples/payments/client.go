package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

const (
	// mostTries is far more than any outage here takes.
	mostTries = 300
	firstWait = 5 * time.Millisecond
	mostWait  = 200 * time.Millisecond
)

// client pays what is on its list.
type client struct {
	http *http.Client
	url  func() string // where the service is now
	list *list
	seen func(intent, int, answer) // each attempt
}

// answer is what the client got for one request.
type answer struct {
	status   int // 0: err says why there is none
	replayed bool
	balance  int64
	detail   string
	after    time.Duration // when to try again, if the server says
	err      error
}

// settles is true for an answer that another attempt would not change.
func (a answer) settles() bool {
	return a.status >= 200 && a.status < 500 && a.status != http.StatusConflict && a.status != http.StatusTooManyRequests
}

// pay sends an intent until its answer is settled, and notes that on the list.
func (c *client) pay(ctx context.Context, i intent) (answer, error) {
	for try := 1; ; try++ {
		a := c.send(ctx, i.Order, i.Key)
		if err := ctx.Err(); err != nil {
			return a, err
		}
		c.seen(i, try, a)
		if a.settles() {
			return a, c.list.settle(i, a.status)
		}
		if try == mostTries {
			return a, fmt.Errorf("%s of %s has no answer after %d tries: %v", cents(i.Order.Amount), i.Order.Customer, try, a)
		}
		if err := pause(ctx, try, a.after); err != nil {
			return a, err
		}
	}
}

// pause waits for as long as the server asked for, or for a random time up to a bound that doubles.
func pause(ctx context.Context, try int, asked time.Duration) error {
	if asked == 0 {
		asked = rand.N(min(firstWait<<min(try-1, 20), mostWait))
	}
	timer := time.NewTimer(asked)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// send is one request. Without a key it has no header.
func (c *client) send(ctx context.Context, o order, key string) answer {
	body, err := json.Marshal(o)
	if err != nil {
		return answer{err: err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url()+"/payments", bytes.NewReader(body))
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
	return read(resp)
}

func read(resp *http.Response) answer {
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{err: err}
	}
	var said struct {
		Balance int64  `json:"balance"`
		Detail  string `json:"detail"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return answer{err: fmt.Errorf("status %d with a body that cannot be read: %w", resp.StatusCode, err)}
	}
	a := answer{status: resp.StatusCode, replayed: resp.Header.Get(headerReplayed) == "true", balance: said.Balance, detail: said.Detail}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		a.after = time.Duration(seconds) * time.Second
	}
	return a
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
