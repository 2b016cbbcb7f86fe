package httpkeys

import (
	"context"
	"errors"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/response"
	"github.com/goupsert/upsert/keys"
)

// problemOf returns the answer for an error of keys.Run.
func (x *exchange) problemOf(err error) *problem {
	var busy *keys.InProgressError
	var unknown *keys.UnknownError
	var final *keys.FinalError
	switch {
	case errors.Is(err, keys.ErrMismatch):
		return mismatch.because("Use a key for one request only: method, path, query and body must be the same at every attempt.")
	case errors.As(err, &final): // another program has stored an error under the key
		return mismatch.because("The key was used elsewhere.")
	case errors.Is(err, keys.ErrTooOld):
		return tooOld.because("The server remembers a key for a time only, and cannot tell any more whether this request was carried out.")
	case errors.Is(err, keys.ErrTooNew):
		return tooNew.because("The key carries a time, which is later than the server's.")
	case errors.As(err, &busy) && !errors.Is(err, context.DeadlineExceeded):
		p := inFlight.because(sendAgain)
		p.retryAfter = max(busy.RetryAfter, p.retryAfter)
		return p
	case errors.As(err, &unknown):
		return outcomeUnknown.causedBy(err)
	case x.patience.over.Load():
		return x.waited(err)
	case x.last == nil:
		return storeUnavailable.causedBy(err)
	}
	return problemAfter(err)
}

// problemAfter returns the answer for an error that has come after the handler was called.
func problemAfter(err error) *problem {
	var size *response.SizeError
	var unstored *response.Final
	switch {
	case errors.Is(err, ErrResponseTooLarge), errors.As(err, &size), errors.As(err, &unstored):
		return tooLarge.causedBy(err)
	case errors.Is(err, keys.ErrClaimLost):
		return claimLost.causedBy(err)
	case dialect.Classify(err) != dialect.Permanent, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return storeUnavailable.causedBy(err)
	}
	return notCommitted.causedBy(err)
}
