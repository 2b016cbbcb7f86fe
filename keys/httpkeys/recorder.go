package httpkeys

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrResponseTooLarge is returned by the Write of a handler that writes more than [MaxResponse]. The handler's effect is rolled
// back, and the client gets a problem with the status 500. With [StoreNothingAbove] there is no such limit.
var ErrResponseTooLarge = errors.New("httpkeys: the response has more bytes than MaxResponse, so it cannot be stored: the effect is rolled back")

var errUpgrade = errors.New("httpkeys: a handler behind the middleware cannot switch protocols, because nothing is sent before its transaction is committed")

// recorder is the ResponseWriter of a handler. recorder keeps the response until the handler's transaction is committed. The
// recorder has no Unwrap, Flush or Hijack, so [http.ResponseController] returns http.ErrNotSupported for Flush and Hijack.
type recorder struct {
	outer    http.ResponseWriter
	header   http.Header // the handler's
	sent     http.Header // what header was when the handler has written the status; nil: not yet
	status   int
	body     spool
	limit    int64               // how many bytes of a body are stored
	isStored func(code int) bool // whether a response that is greater than limit is refused
	err      error               // why the response cannot be sent
}

// newRecorder returns a recorder with the headers that outer has already, as a handler without the middleware would see them.
func newRecorder(outer http.ResponseWriter, a *answers) *recorder {
	r := &recorder{outer: outer, header: outer.Header().Clone(), limit: a.maxResponse}
	if r.header == nil {
		r.header = http.Header{}
	}
	r.isStored = func(code int) bool { return !a.storeNothingAbove && (a.commits(code) || a.remembers(code)) }
	return r
}

func (r *recorder) Header() http.Header { return r.header }

// WriteHeader sets the status. Informational statuses (1xx) are dropped, because nothing is sent before the commit. So are
// trailers: only what is in the header now is sent.
func (r *recorder) WriteHeader(status int) {
	switch {
	case r.sent != nil:
		return
	case status < 100 || status > 999:
		panic(fmt.Sprintf("httpkeys: WriteHeader(%d): the status must have three digits", status))
	case status == http.StatusSwitchingProtocols:
		r.err = errUpgrade
	case status < 200:
		return
	}
	r.status, r.sent = status, r.header.Clone()
	maps.DeleteFunc(r.sent, func(name string, _ []string) bool {
		return name == "Trailer" || name == "Transfer-Encoding" || strings.HasPrefix(name, http.TrailerPrefix)
	})
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.sent == nil {
		r.WriteHeader(http.StatusOK)
	}
	switch {
	case r.err != nil:
		return 0, r.err
	case len(p) == 0:
		return 0, nil
	case !allowsBody(r.status):
		return 0, http.ErrBodyNotAllowed
	case r.body.size+int64(len(p)) > r.limit && r.isStored(r.status):
		r.err = ErrResponseTooLarge
		return 0, r.err
	}
	if r.err = r.body.add(p, r.limit); r.err != nil {
		return 0, r.err
	}
	return len(p), nil
}

// WriteString is Write for a string.
func (r *recorder) WriteString(s string) (int, error) { return r.Write([]byte(s)) }

// SetReadDeadline passes the deadline on.
func (r *recorder) SetReadDeadline(t time.Time) error {
	return http.NewResponseController(r.outer).SetReadDeadline(t)
}

// SetWriteDeadline passes the deadline on.
func (r *recorder) SetWriteDeadline(t time.Time) error {
	return http.NewResponseController(r.outer).SetWriteDeadline(t)
}

// finish completes the response when the handler has returned. finish guesses the Content-Type as net/http would, because a
// replay must have the same one.
func (r *recorder) finish() {
	if r.sent == nil {
		r.WriteHeader(http.StatusOK)
	}
	if _, set := r.sent["Content-Type"]; !set && r.body.size > 0 && r.sent.Get("Content-Encoding") == "" {
		r.sent.Set("Content-Type", http.DetectContentType(r.body.start(512)))
	}
}

// isWhole reports whether the body can be stored.
func (r *recorder) isWhole() bool { return r.body.size <= r.limit }

// sendTo sends the handler's whole response.
func (r *recorder) sendTo(w http.ResponseWriter, method string) {
	h := w.Header()
	maps.DeleteFunc(h, func(name string, _ []string) bool { _, kept := r.sent[name]; return !kept })
	maps.Copy(h, r.sent)
	if allowsBody(r.status) && method != http.MethodHead {
		h.Set("Content-Length", strconv.FormatInt(r.body.size, 10))
	}
	w.WriteHeader(r.status)
	if r.body.size > 0 {
		_ = r.body.sendTo(w) // the client has gone: the response is stored, or its effect was rolled back
	}
}

// record returns the form of the response that is stored.
func (r *recorder) record(headers []string, method string) *record {
	rec := &record{status: r.status, header: http.Header{}, omitted: !r.isWhole()}
	for name, values := range r.sent {
		if slices.Contains(headers, name) || name == "Content-Length" && method == http.MethodHead {
			rec.header[name] = oneLine(values)
		}
	}
	if !rec.omitted {
		rec.body = r.body.memory.Bytes()
	}
	return rec
}

// oneLine returns header values as net/http sends them, without line ends.
func oneLine(values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = strings.Trim(strings.NewReplacer("\n", " ", "\r", " ").Replace(v), " \t")
	}
	return out
}

// allowsBody reports whether a response with the status may have a body.
func allowsBody(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}
