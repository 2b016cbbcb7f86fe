package keys

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/response"
)

// Final marks an error as an answer: the effect of fn is rolled back, but the error is remembered. If the call is repeated, it
// returns the error again as a [*FinalError] instead of calling fn. For example, a declined payment is such an answer, and a
// lost connection is not. Final(nil) is nil.
//
// Only the error's text is stored. If errors.Is must find the error on a replay too, name the error in [KnownErrors].
func Final(err error) error {
	if err == nil {
		return nil
	}
	return &finalMark{err}
}

// finalMark carries the error from fn to the claim.
type finalMark struct{ err error }

func (e *finalMark) Error() string { return e.err.Error() }
func (e *finalMark) Unwrap() error { return e.err }

// NotDone marks an error of the fn of [Do]: nothing has happened, so the key is free for the next call, also for a call with
// another fingerprint. The caller gets err. NotDone(nil) is nil. In the fn of [Run] and [Once] NotDone has no meaning, because
// every error rolls back.
func NotDone(err error) error {
	if err == nil {
		return nil
	}
	return &notDoneMark{err}
}

// notDoneMark carries the error from fn to the lease.
type notDoneMark struct{ err error }

func (e *notDoneMark) Error() string { return e.err.Error() }
func (e *notDoneMark) Unwrap() error { return e.err }

// IsNotDone marks the error for package response.
func (e *notDoneMark) IsNotDone() {}

// freedError is the error of a call of Do whose fn has freed the key. An outer fn that returns it has marked nothing.
type freedError struct{ err error }

func (e *freedError) Error() string { return e.err.Error() }
func (e *freedError) Unwrap() error { return e.err }

// FinalError is returned by [Once] and [Run] for an error that fn marked as [Final], the first time and on every replay.
type FinalError struct {
	Text string // the error's text
	// Err is fn's error the first time. On a replay Err is the error of [KnownErrors] that fn's error was or wrapped, or nil.
	Err error
}

func (e *FinalError) Error() string { return e.Text }

// Unwrap returns Err.
func (e *FinalError) Unwrap() error { return e.Err }

// Class returns Permanent, whatever Err is: the answer does not change.
func (e *FinalError) Class() dialect.Class { return dialect.Permanent }

// finalCodec is the codec of a stored error.
const finalCodec = "error"

// storedError is the stored form of an error.
type storedError struct {
	Text   string `json:"text"`
	Known  string `json:"known,omitempty"`
	Answer []byte `json:"answer,omitempty"` // what package response has brought
}

// asFinal returns the form of fn's error that is stored. ok reports whether the error is marked, and whether the server can
// store the answer that the error carries, if any.
func (s *Store) asFinal(err error) (final *FinalError, stored []byte, ok bool) {
	if !isMarkedFinal(err) {
		return nil, nil, false
	}
	if mark, bare := err.(*finalMark); bare { //nolint:errorlint // one that is wrapped is found by isMarkedFinal
		err = mark.err
	}
	e := storedError{Text: strings.ToValidUTF8(err.Error(), "\uFFFD")}
	if carrier, carries := err.(*response.Final); carries { //nolint:errorlint // one that is wrapped is another error's cause
		e.Answer = carrier.Answer
	}
	for _, k := range s.config.known {
		if errors.Is(err, k) {
			e.Known = k.Error()
			break
		}
	}
	// A text that is too long is cut, because the answer is that the effect failed. Escaped, a byte can become six.
	if most := s.maxStored(s.config.maxResult) / 8; len(e.Text) > most {
		e.Text = strings.ToValidUTF8(e.Text[:most], "")
	}
	stored, merr := json.Marshal(e)
	if merr == nil {
		stored, merr = s.sealError(stored)
	}
	return &FinalError{Text: e.Text, Err: err}, stored, merr == nil && (e.Answer == nil || len(stored) <= s.maxStored(math.MaxInt))
}

// isMarkedFinal reports whether this fn has marked the error as final, and isMarkedNotDone reports whether it has marked the
// error with NotDone. The outermost mark counts.
func isMarkedFinal(err error) bool {
	_, ok := markOf(err).(*finalMark) //nolint:errorlint // a mark is never wrapped
	return ok
}

func isMarkedNotDone(err error) bool {
	_, ok := markOf(err).(*notDoneMark) //nolint:errorlint // a mark is never wrapped
	return ok
}

// markOf returns this fn's mark, or nil: an error that an inner call has returned is not this fn's answer.
func markOf(err error) error {
	switch e := err.(type) { //nolint:errorlint // this is the walk itself
	case *finalMark, *notDoneMark:
		return err
	case *FinalError, *freedError:
		return nil
	case interface{ Unwrap() error }:
		return markOf(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			if mark := markOf(one); mark != nil {
				return mark
			}
		}
	}
	return nil
}

func (s *Store) storedFinal(data []byte) error {
	e, err := s.readError(data)
	if err != nil {
		return fmt.Errorf("the stored error cannot be read: %w", err)
	}
	final := &FinalError{Text: e.Text, Err: s.knownError(e.Known)}
	if e.Answer != nil {
		final.Err = &response.Final{Text: e.Text, Answer: e.Answer}
	}
	return final
}

// readError is the inverse of what asFinal does to the error's text.
func (s *Store) readError(data []byte) (e storedError, err error) {
	plain, err := s.openError(data)
	if err == nil {
		err = json.Unmarshal(plain, &e)
	}
	return e, err
}

// knownError returns the error of KnownErrors that has the text, or nil.
func (s *Store) knownError(text string) error {
	for _, k := range s.config.known {
		if text != "" && k.Error() == text {
			return k
		}
	}
	return nil
}
