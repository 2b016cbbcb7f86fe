package httpkeys

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/response"
	"github.com/goupsert/upsert/keys"
)

// status is what a client is told of its key.
type status struct {
	State  string `json:"state"`
	Status int    `json:"status,omitempty"`
}

const (
	stateUnknown    = "unknown"
	stateInProgress = "in_progress"
	stateDone       = "done"
	stateParked     = "parked"
)

// Status returns a handler that tells a client what is known of its key. The key is the path value "key" of the request's route,
// as in "GET /keys/{key}", without quotes. The answer is JSON: the member state is done, in_progress, parked or unknown, and if
// the request is done, the member status is the status of its response. An unknown key, and a key of another scope, is answered
// with 404. Nothing else of the stored response is sent.
//
// On SQLite only requests to this process count as in progress: a request to another process is unknown until it is committed.
func (m *Middleware) Status() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("key")
		x := &exchange{m: m, w: w, r: r, id: id}
		scope, p := m.scopeOf(r)
		if p != nil {
			x.refuse(p)
			return
		}
		x.key = keys.Key{Scope: scope, Op: m.config.requests.op, ID: id}
		st, err := x.status()
		if err != nil {
			x.refuse(storeUnavailable.causedBy(err))
			return
		}
		st.write(w)
	})
}

func (st status) write(w http.ResponseWriter) {
	body, _ := json.Marshal(st) // a text and a number always have JSON
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if st.State == stateUnknown {
		w.WriteHeader(http.StatusNotFound)
	}
	_, _ = w.Write(body) // if the client has gone, it can ask again
}

// status looks the key up, and asks the running requests if nothing is stored.
func (x *exchange) status() (status, error) {
	if x.id == "" || len(x.id) > longestKey {
		return status{State: stateUnknown}, nil
	}
	info, err := x.m.store.Inspect(x.r.Context(), x.key)
	switch {
	case errors.Is(err, keys.ErrNotFound):
		return x.probe()
	case err != nil:
		return status{}, err
	}
	return x.statusOf(info)
}

func (x *exchange) statusOf(info *keys.Info) (status, error) {
	switch info.State {
	case keys.StateDone, keys.StateFinalError:
		rec, err := x.stored()
		switch {
		case isOfPerson(err):
			return status{State: stateDone}, nil
		case err != nil:
			return status{}, err
		}
		return status{stateDone, rec.status}, nil
	case keys.StateParked:
		return status{State: stateParked}, nil
	case keys.StateLeased:
		if info.LeaseEnded && !response.TakesOver(x.m.config.doing) && x.parks() {
			return status{State: stateParked}, nil
		}
	}
	return status{State: stateInProgress}, nil
}

// parks does to a key whose lease has ended what the next request would do: the key is parked, unless its caller is still at work in a
// guarded transaction.
func (x *exchange) parks() bool {
	_, err := x.meetLease()
	var isParked *keys.ParkedError
	return errors.As(err, &isParked)
}

// meetLease meets a key of Do as the next request would, with the policy Park, and has no effect.
func (x *exchange) meetLease() (*record, error) {
	refuse := func(context.Context, *keys.Held) (*record, error) { return nil, keys.NotDone(errProbe) }
	rec, _, err := keys.Do(x.r.Context(), x.m.store, x.key, keys.Fingerprint{}, refuse, keys.WithCodec(codec{}), keys.NoWait(), keys.Park())
	return rec, err
}

// stored returns the response that is stored for a key that is done, whether it was leased or not.
func (x *exchange) stored() (*record, error) {
	rec, _, err := keys.Run(response.LookFirst(x.r.Context()), x.m.store, x.key, keys.Fingerprint{}, refuseClaim, keys.WithCodec(codec{}), keys.NoWait())
	if errors.Is(err, keys.ErrOtherVerb) {
		rec, err = x.meetLease()
	}
	if final := storedAnswer(err); final != nil {
		return decodeRecord(final.Answer)
	}
	return rec, err
}

// errProbe rolls back the claim of a probe.
var errProbe = errors.New("httpkeys: the key was free")

func refuseClaim(context.Context, *keys.Tx) (*record, error) { return nil, errProbe }

// probe finds out whether a request with the key is running: then the key cannot be claimed. The claim is not kept.
func (x *exchange) probe() (status, error) {
	_, _, err := keys.Run(x.r.Context(), x.m.store, x.key, keys.Fingerprint{}, refuseClaim, keys.WithCodec(codec{}), keys.NoWait())
	var busy *keys.InProgressError
	switch {
	case err == nil, storedAnswer(err) != nil, errors.Is(err, keys.ErrOtherVerb): // done or leased since, or freed by its handler
		return x.lookAgain()
	case errors.Is(err, errProbe), errors.Is(err, keys.ErrTooOld), errors.Is(err, keys.ErrTooNew):
		return status{State: stateUnknown}, nil
	case errors.As(err, &busy) && !errors.Is(err, context.DeadlineExceeded):
		return status{State: stateOfBusy(busy)}, nil
	}
	return status{}, err
}

// lookAgain looks up a key that is stored after all. A leased key that was freed is not.
func (x *exchange) lookAgain() (status, error) {
	info, err := x.m.store.Inspect(x.r.Context(), x.key)
	switch {
	case errors.Is(err, keys.ErrNotFound):
		return status{State: stateUnknown}, nil
	case err != nil:
		return status{}, err
	}
	return x.statusOf(info)
}

// stateOfBusy: on SQLite a lock that cannot be had says only that somebody is writing. If a request of this process holds the
// key, there is no database's error.
func stateOfBusy(busy *keys.InProgressError) string {
	_, isMySQL := dialect.MySQLNumber(busy.Err)
	if busy.Err == nil || isMySQL || dialect.SQLState(busy.Err) != "" {
		return stateInProgress
	}
	return stateUnknown
}
