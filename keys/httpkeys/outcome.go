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
	var isParked *keys.ParkedError
	switch {
	case errors.Is(err, keys.ErrMismatch):
		return mismatch.because("Use a key for one request only: method, path, query and body must be the same at every attempt.")
	case errors.As(err, &final) && x.m.config.leased:
		return failed.because("Ask the operator of this service.")
	case isOfPerson(err) && final == nil && x.m.config.leased:
		return resolved.because("There is no response to send.")
	case isOfPerson(err): // another program has stored something under the key
		return mismatch.because("The key was used elsewhere.")
	case errors.Is(err, keys.ErrTooOld):
		return tooOld.because("The server remembers a key for a time only, and cannot tell any more whether this request was carried out.")
	case errors.Is(err, keys.ErrTooNew):
		return tooNew.because("The key carries a time, which is later than the server's.")
	case errors.As(err, &busy) && !errors.Is(err, context.DeadlineExceeded):
		p := inFlight.because(sendAgain)
		p.retryAfter = max(busy.RetryAfter, p.retryAfter)
		return p
	case errors.Is(err, keys.ErrOtherVerb):
		return mismatch.because("The key was used for a request of another kind.")
	case errors.As(err, &isParked):
		return parked.because("Ask the operator of this service.")
	case errors.As(err, &unknown), errors.Is(err, keys.ErrFenced):
		return outcomeUnknown.causedBy(err)
	case x.patience.isOver():
		return x.waited(err)
	case x.last == nil:
		return storeUnavailable.causedBy(err)
	}
	p := problemAfter(err)
	if x.m.config.leased {
		p.safeNewKey = false // nothing was rolled back
	}
	return p
}

// isOfPerson reports whether what is stored under the key is no response: a person has resolved the key, or another program has used
// the key.
func isOfPerson(err error) bool {
	var final *keys.FinalError
	return errors.Is(err, response.ErrForm) || errors.Is(err, errNotRecord) || errors.As(err, &final) && storedAnswer(err) == nil
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
