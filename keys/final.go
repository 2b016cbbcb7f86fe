package keys

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
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
	return &FinalError{Text: e.Text, Err: err}, stored, merr == nil && (e.Answer == nil || len(stored) <= s.maxStored(math.MaxInt))
}

// isMarkedFinal reports whether this fn has marked the error: an error that an inner call has returned is not this fn's
// answer.
func isMarkedFinal(err error) bool {
	switch e := err.(type) { //nolint:errorlint // this is the walk itself
	case *finalMark:
		return true
	case *FinalError:
		return false
	case interface{ Unwrap() error }:
		return isMarkedFinal(e.Unwrap())
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(e.Unwrap(), isMarkedFinal)
	}
	return false
}

func (s *Store) storedFinal(data []byte) error {
	var e storedError
	if err := json.Unmarshal(data, &e); err != nil {
		return fmt.Errorf("the stored error cannot be read: %w", err)
	}
	final := &FinalError{Text: e.Text}
	if e.Answer != nil {
		final.Err = &response.Final{Text: e.Text, Answer: e.Answer}
	}
	for _, k := range s.config.known {
		if e.Known != "" && k.Error() == e.Known {
			final.Err = k
		}
	}
	return final
}
