package keys

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goupsert/upsert/dialect"
)

// Final marks an error as an answer: what fn did is rolled back, but the error is remembered, and the same call gets it
// again as a [*FinalError] instead of calling fn. A declined payment is one, a lost connection is not. Final(nil) is nil.
//
// Of the error its text is stored. To have errors.Is find it on a replay as well, name it in [KnownErrors].
func Final(err error) error {
	if err == nil {
		return nil
	}
	return &finalMark{err}
}

// finalMark is what travels from fn to the claim.
type finalMark struct{ err error }

func (e *finalMark) Error() string { return e.err.Error() }
func (e *finalMark) Unwrap() error { return e.err }

// FinalError is what [Once] and [Run] return for an error that fn marked as [Final], the first time and on every replay.
type FinalError struct {
	Text string // the error's text
	// Err is fn's error the first time. On a replay it is the one of [KnownErrors] that it was or wrapped, or nil.
	Err error
}

func (e *FinalError) Error() string { return e.Text }

// Unwrap returns Err.
func (e *FinalError) Unwrap() error { return e.Err }

// Class is Permanent, whatever Err is: the answer does not change.
func (e *FinalError) Class() dialect.Class { return dialect.Permanent }

// finalCodec is the codec of a stored error.
const finalCodec = "error"

// storedError is its form.
type storedError struct {
	Text  string `json:"text"`
	Known string `json:"known,omitempty"`
}

// asFinal returns what is to be stored of fn's error if it is marked.
func (s *Store) asFinal(err error) (final *FinalError, stored []byte, ok bool) {
	if !marked(err) {
		return nil, nil, false
	}
	if mark, bare := err.(*finalMark); bare { //nolint:errorlint // one that is wrapped is found by marked
		err = mark.err
	}
	e := storedError{Text: strings.ToValidUTF8(err.Error(), "\uFFFD")}
	for _, k := range s.known {
		if errors.Is(err, k) {
			e.Known = k.Error()
			break
		}
	}
	// A text that cannot be kept whole is cut, for the answer is that it failed. Escaped, a byte can be six.
	if most := s.mostResult() / 8; len(e.Text) > most {
		e.Text = strings.ToValidUTF8(e.Text[:most], "")
	}
	stored, merr := json.Marshal(e)
	return &FinalError{Text: e.Text, Err: err}, stored, merr == nil
}

// marked reports whether the error is marked by this fn: one that an inner call has returned is none of its answers.
func marked(err error) bool {
	switch e := err.(type) { //nolint:errorlint // this is the walk itself
	case *finalMark:
		return true
	case *FinalError:
		return false
	case interface{ Unwrap() error }:
		return marked(e.Unwrap())
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(e.Unwrap(), marked)
	}
	return false
}

func (s *Store) storedFinal(data []byte) error {
	var e storedError
	if err := json.Unmarshal(data, &e); err != nil {
		return fmt.Errorf("the stored error cannot be read: %w", err)
	}
	final := &FinalError{Text: e.Text}
	for _, k := range s.known {
		if e.Known != "" && k.Error() == e.Known {
			final.Err = k
		}
	}
	return final
}
