package httpkeys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/response"
	"github.com/goupsert/upsert/keys"
)

// exchange is one request on its way through the middleware.
type exchange struct {
	m           *Middleware
	w           http.ResponseWriter
	r           *http.Request
	next        func(http.ResponseWriter, *http.Request) error
	id          string // the key as the client knows it; "": none
	key         keys.Key
	fingerprint keys.Fingerprint
	body        []byte
	last        *attempt // the last call of next; nil: none
	patience    patience
}

// attempt is one call of next.
type attempt struct {
	handling *handling
	request  *http.Request
	writer   *recorder
}

// nextError is an error of next, which is returned unchanged. Run must not see marks such as keys.Final in the error, because no
// response would be stored.
type nextError struct{ err error }

func (e *nextError) Error() string        { return e.err.Error() }
func (e *nextError) Class() dialect.Class { return dialect.Classify(e.err) }

// errNotKept rolls back the effect of a handler whose response is not remembered.
var errNotKept = errors.New("httpkeys: the response is not remembered")

func (x *exchange) run() error {
	defer x.discard() // also if next panics
	ctx, stop := x.patience.start(x.r.Context(), x.m.config.maxWait)
	defer stop()
	rec, replayed, err := x.perform(ctx)
	if err != nil && x.last == nil && x.patience.isOver() && x.isDone() {
		x.patience.forget()
		rec, replayed, err = x.perform(x.r.Context(), keys.NoWait())
	}
	return x.answer(rec, replayed, err)
}

// perform has the effect of the key, or returns the stored response.
func (x *exchange) perform(ctx context.Context, more ...keys.WaitOption) (*record, bool, error) {
	claiming, doing := slices.Clip(x.m.config.claiming), slices.Clip(x.m.config.doing)
	for _, o := range more {
		claiming, doing = append(claiming, o), append(doing, o)
	}
	if x.m.config.leased {
		return keys.Do(ctx, x.m.store, x.key, x.fingerprint, x.callLeased, doing...)
	}
	return keys.Run(ctx, x.m.store, x.key, x.fingerprint, x.call, claiming...)
}

// call is the effect of the key in keys.Run, which can call it again.
func (x *exchange) call(ctx context.Context, tx *keys.Tx) (*record, error) {
	if err := x.patience.pause(ctx); err != nil {
		return nil, err
	}
	rec, err := x.callNext(ctx, &handling{tx: tx})
	if err != nil {
		x.patience.resume()
	}
	return rec, err
}

func asFinal(rec *record) error {
	text := fmt.Sprintf("the handler has answered with the status %d %s", rec.status, http.StatusText(rec.status))
	return &response.Final{Text: text, Answer: rec.encode()}
}

// callNext calls next. callNext returns the response to be stored, or the error that says what becomes of it.
func (x *exchange) callNext(ctx context.Context, p *handling) (*record, error) {
	x.discard()
	ctx = response.OnTaken(context.WithValue(ctx, handlingKey{}, p), func() { p.asked.Store(true) })
	a := &attempt{p, x.request(ctx), newRecorder(x.w, &x.m.config.answers)}
	x.last = a
	if err := x.next(a.writer, a.request); err != nil {
		return nil, &nextError{err}
	}
	a.writer.finish()
	answers, rec := &x.m.config.answers, x.record()
	switch {
	case a.writer.err != nil:
		return nil, a.writer.err
	case answers.commits(a.writer.status):
		return rec, nil
	case answers.remembers(a.writer.status):
		return nil, keys.Final(asFinal(rec))
	}
	return nil, errNotKept
}

// discard removes the files of the last attempt.
func (x *exchange) discard() {
	if x.last == nil {
		return
	}
	x.last.writer.body.remove()
	if form := x.last.request.MultipartForm; form != nil && x.r.MultipartForm == nil {
		_ = form.RemoveAll() // net/http knows only the form of its own request
	}
}

// request returns a copy of the request that can be read from its beginning.
func (x *exchange) request(ctx context.Context) *http.Request {
	r := x.r.Clone(ctx)
	if r.Body = http.NoBody; len(x.body) > 0 {
		r.Body = io.NopCloser(bytes.NewReader(x.body))
	}
	return r
}

// record returns the stored form of the last response.
func (x *exchange) record() *record {
	return x.last.writer.record(x.m.config.answers.headers, x.r.Method)
}

// answer ends the request. rec, replayed and err are what keys.Run or keys.Do has returned.
func (x *exchange) answer(rec *record, replayed bool, err error) error {
	var own *nextError
	if final := storedAnswer(err); final != nil {
		rec, err = decodeRecord(final.Answer)
	}
	switch {
	case err == nil:
		x.send(rec, replayed)
	case errors.As(err, &own):
		return own.err
	case errors.Is(err, errNotKept):
		x.last.writer.sendTo(x.w, x.r.Method)
	default:
		x.refuse(x.problemOf(err))
	}
	return nil
}

// storedAnswer returns the answer of a *keys.FinalError, or nil.
func storedAnswer(err error) (answer *response.Final) {
	var final *keys.FinalError
	if errors.As(err, &final) && errors.As(final, &answer) {
		return answer
	}
	return nil
}

// send sends the response that is stored now. The caller whose handler has made this response gets the handler's whole response.
func (x *exchange) send(rec *record, replayed bool) {
	if !replayed && x.last != nil && rec.equals(x.record()) {
		x.m.noticeUnusedTx(x.last)
		x.last.writer.sendTo(x.w, x.r.Method)
		return
	}
	if replayed {
		if err := x.m.config.authorize(x.request(x.r.Context())); err != nil {
			x.refuse(forbidden.rejected(err))
			return
		}
	}
	x.replay(rec, replayed)
}

// withoutKey returns an error's text without the key, which may be a secret. A short ID could be a part of any word, so it stays.
func (x *exchange) withoutKey(err error) string {
	text := strings.ReplaceAll(err.Error(), x.key.String(), "the key")
	if len(x.id) >= shortestHiddenID {
		text = strings.ReplaceAll(text, x.id, "…")
	}
	return text
}

const shortestHiddenID = 4

func (x *exchange) refuse(p *problem) {
	if ctx := x.r.Context(); p.cause != nil && p.status >= 500 && ctx.Err() == nil { // a client that has gone is no error
		x.m.config.logger.ErrorContext(ctx, "httpkeys: "+p.title, "method", x.r.Method, "path", x.r.URL.Path, "error", x.withoutKey(p.cause))
	}
	p.write(x.w, x.m.config.answers.problems, x.id)
}
