package main

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/goupsert/upsert/dialect"
)

// problem is the body of an answer that is not a payment (RFC 9457). Without a type of its own its title is the status's. The
// middleware has problems of its own, for what is wrong with a key.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// problemOf is for a payment that could not be made, and has left nothing.
func (s *server) problemOf(ctx context.Context, err error) problem {
	class := dialect.Classify(err)
	if ctx.Err() != nil || class != dialect.Permanent && class != dialect.UniqueViolation { // whoever has hung up will ask again
		return problem{Status: http.StatusServiceUnavailable, Detail: "not now: send the same request again"}
	}
	s.log(err)
	return problem{Status: http.StatusInternalServerError, Detail: "this is our fault"}
}

func writeProblem(w http.ResponseWriter, p problem) {
	p.Title = http.StatusText(p.Status)
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, p.Status, "application/problem+json", p)
}

func writeJSON(w http.ResponseWriter, status int, contentType string, v any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that is gone asks again
}
