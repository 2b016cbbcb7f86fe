package main

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/keys"
)

// problem is the body of every answer that is not a payment (RFC 9457). Without a type of its own its title is the
// status's.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`

	retryAfter time.Duration // 0: trying again does not help
}

// problemOf maps an error of keys.Run as the IETF's draft of the Idempotency-Key header asks for.
func (s *server) problemOf(ctx context.Context, err error) problem {
	var other *keys.InProgressError
	switch {
	case errors.Is(err, errDeclined):
		return problem{Status: http.StatusPaymentRequired, Detail: errDeclined.Error()}
	case errors.Is(err, keys.ErrMismatch):
		return problem{Status: http.StatusUnprocessableEntity, Detail: "this " + headerKey + " was sent with another order: give each order its own"}
	case errors.Is(err, keys.ErrTooOld):
		return problem{Status: http.StatusBadRequest, Detail: "this " + headerKey + " is older than keys are remembered"}
	case errors.As(err, &other):
		return problem{Status: http.StatusConflict, Detail: "a request with this " + headerKey + " is being worked on", retryAfter: max(other.RetryAfter, time.Second)}
	case ctx.Err() != nil || worthAnotherTry(err): // whoever has hung up will ask again
		return problem{Status: http.StatusServiceUnavailable, Detail: "not now: send the same request again", retryAfter: time.Second}
	}
	s.log(err)
	return problem{Status: http.StatusInternalServerError, Detail: "this is our fault"}
}

// worthAnotherTry is true where the same request may well succeed. Whether this one did, nobody needs to know: its key does.
func worthAnotherTry(err error) bool {
	switch dialect.Classify(err) {
	case dialect.Retryable, dialect.Ambiguous, dialect.LockTimeout:
		return true
	default:
		return false
	}
}

func writeProblem(w http.ResponseWriter, p problem) {
	p.Title = http.StatusText(p.Status)
	if p.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(p.retryAfter.Seconds()))))
	}
	writeJSON(w, p.Status, "application/problem+json", p)
}

func writeJSON(w http.ResponseWriter, status int, contentType string, v any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that is gone asks again
}
