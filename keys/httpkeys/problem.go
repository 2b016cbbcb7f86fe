package httpkeys

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// problem is an answer of the middleware's own, as RFC 9457 has it.
type problem struct {
	name       string // the end of its type's address
	status     int
	title      string
	retryable  bool // the same request may be sent again
	safeNewKey bool // nothing has happened and will happen under this key, so another key does no harm
	detail     string
	retryAfter time.Duration // 0: no Retry-After
	cause      error         // for the log
	keepsTags  bool          // ETag and Last-Modified speak of what the request has made
}

var (
	invalidKey       = problem{name: "invalid-key", status: 400, title: "The Idempotency-Key header is missing or malformed", safeNewKey: true}
	unreadableBody   = problem{name: "unreadable-body", status: 400, title: "The request's body cannot be read", safeNewKey: true}
	bodyTooLarge     = problem{name: "body-too-large", status: 413, title: "The request's body is too large", safeNewKey: true}
	unauthenticated  = problem{name: "unauthenticated", status: 401, title: "It is not known whose request this is"}
	forbidden        = problem{name: "forbidden", status: 403, title: "The stored response is not for this caller"}
	mismatch         = problem{name: "key-reused", status: 422, title: "The key was used for another request", safeNewKey: true}
	tooOld           = problem{name: "key-too-old", status: 422, title: "The key is too old"}
	tooNew           = problem{name: "key-too-new", status: 422, title: "The key's time is in the future", safeNewKey: true}
	inFlight         = problem{name: "in-flight", status: 409, title: "A request with this key is being worked on", retryable: true, retryAfter: time.Second}
	parked           = problem{name: "parked", status: 409, title: "The outcome of the request with this key is not known, and a person has to find out"}
	resolved         = problem{name: "resolved", status: 200, title: "The request was carried out, as a person has found out"}
	failed           = problem{name: "failed", status: 422, title: "The request was not carried out, as a person has found out", safeNewKey: true}
	storeUnavailable = problem{name: "store-unavailable", status: 503, title: "The request was not carried out", retryable: true, retryAfter: time.Second}
	outcomeUnknown   = problem{name: "outcome-unknown", status: 503, title: "The request may have been carried out", retryable: true, retryAfter: time.Second}
	tooLarge         = problem{name: "response-too-large", status: 500, title: "The response is too large to be stored", safeNewKey: true}
	notCommitted     = problem{name: "not-committed", status: 500, title: "The request's effect could not be committed", safeNewKey: true}
	claimLost        = problem{name: "claim-lost", status: 500, title: "The request may have been carried out in part"}
	notStored        = problem{name: "response-not-stored", keepsTags: true, title: "The request was carried out before, and its response was too large to be stored"}
)

// because returns the problem with a detail.
func (p problem) because(format string, args ...any) *problem {
	p.detail = fmt.Sprintf(format, args...)
	return &p
}

// causedBy returns the problem with an error that is logged, and not shown to the client.
func (p problem) causedBy(err error) *problem {
	p.cause = err
	return &p
}

// document is the JSON of a problem.
type document struct {
	Type           string `json:"type"`
	Title          string `json:"title"`
	Status         int    `json:"status"`
	Detail         string `json:"detail,omitempty"`
	Retryable      bool   `json:"retryable"`
	SafeNewKey     bool   `json:"safe_new_key"`
	IdempotencyKey string `json:"idempotency_key"`
}

// write sends the problem.
func (p *problem) write(w http.ResponseWriter, base, id string) {
	address := base + p.name
	h := w.Header()
	h.Del("Content-Length") // they would speak of another body
	h.Del("Content-Encoding")
	if !p.keepsTags {
		h.Del("Etag")
		h.Del("Last-Modified")
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Add("Link", "<"+address+`>; rel="describedby"`)
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.retryAfter.Seconds()))))
	}
	body, _ := json.Marshal(document{address, p.title, p.status, p.detail, p.retryable, p.safeNewKey, id}) // texts and booleans always have JSON
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(p.status)
	_, _ = w.Write(body) // if the client has gone, there is nobody to tell
}

// rejection is an error with a status.
type rejection struct {
	status int
	err    error
}

func (e *rejection) Error() string {
	if e.err == nil {
		return http.StatusText(e.status)
	}
	return e.err.Error()
}

func (e *rejection) Unwrap() error { return e.err }

// Reject returns an error for the scope function of [New] and for [Authorize]: the request is answered with the status, which
// must be from 400 to 599. err says why, for the log; the client does not see err. Reject panics for another status.
func Reject(status int, err error) error {
	if status < 400 || status > 599 {
		panic(fmt.Sprintf("httpkeys: Reject(%d): the status must be from 400 to 599", status))
	}
	return &rejection{status, err}
}

// rejected returns the problem with the status of an error from Reject, if err is one.
func (p problem) rejected(err error) *problem {
	if own := (*rejection)(nil); errors.As(err, &own) && own.status != p.status {
		p.name, p.status, p.title = "rejected", own.status, http.StatusText(own.status)
	}
	p.cause = err
	return &p
}
