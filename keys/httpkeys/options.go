package httpkeys

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"time"

	"github.com/goupsert/upsert/keys"
)

// Option is an option of [New]. Later options win over earlier ones.
type Option interface{ apply(*config) error }

type option func(*config) error

func (o option) apply(c *config) error { return o(c) }

// config is what the options set.
type config struct {
	requests  requests
	answers   answers
	authorize func(*http.Request) error
	claiming  []keys.ClaimOption
	leased    bool
	doing     []keys.DoOption // if leased
	maxWait   time.Duration   // 0: no limit but that of claiming
	unusedTx  func(*http.Request)
	logger    *slog.Logger
}

// requests says which requests have keys, and how they are read.
type requests struct {
	op          string
	methods     []string
	optional    bool
	strict      bool
	fingerprint func(*http.Request, []byte) (keys.Fingerprint, error)
	maxBody     int64
}

// answers says what becomes of a response.
type answers struct {
	commits           func(status int) bool
	remembers         func(status int) bool
	maxResponse       int64
	storeNothingAbove bool
	headers           []string // which are stored
	replayHeader      string
	problems          string // the beginning of a problem type's address
}

const (
	defaultMaxRequest  = 16 << 20
	defaultMaxResponse = 1 << 20
	defaultMaxWait     = 10 * time.Second
	defaultProblems    = "https://github.com/goupsert/upsert/blob/main/docs/http.md#"
)

// storedHeaders are the headers of a response that are stored without [StoreHeaders].
var storedHeaders = []string{"Allow", "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Location",
	"Content-Type", "Etag", "Last-Modified", "Link", "Location", "Vary", "Www-Authenticate"}

// unstorableHeaders are credentials of one caller, and headers of one connection.
var unstorableHeaders = []string{"Set-Cookie", "Set-Cookie2", "Authorization", "Proxy-Authorization", "Authentication-Info",
	"Connection", "Content-Length", "Date", "Keep-Alive", "Trailer", "Transfer-Encoding", "Upgrade"}

func newConfig(opts []Option) (*config, error) {
	c := &config{
		requests: requests{op: "http", methods: []string{http.MethodPost, http.MethodPatch}, fingerprint: fingerprintOf, maxBody: defaultMaxRequest},
		answers: answers{
			commits:      func(status int) bool { return status < 400 },
			remembers:    isRemembered,
			maxResponse:  defaultMaxResponse,
			headers:      storedHeaders,
			replayHeader: "Idempotent-Replayed",
			problems:     defaultProblems,
		},
		authorize: func(*http.Request) error { return nil },
		maxWait:   defaultMaxWait,
		unusedTx:  func(*http.Request) {},
		logger:    slog.Default(),
	}
	for _, o := range opts {
		if o == nil {
			return nil, errors.New("an option is nil")
		}
		if err := o.apply(c); err != nil {
			return nil, err
		}
	}
	if c.leased && len(c.claiming) > 0 {
		return nil, errors.New("Claiming has no effect with Leased: give the options to Leased")
	}
	c.claiming = append(c.claiming, keys.WithCodec(codec{}))
	c.doing = append(c.doing, keys.WithCodec(codec{}))
	return c, nil
}

// isRemembered is the default of Remember.
func isRemembered(status int) bool {
	return status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooEarly && status != http.StatusTooManyRequests
}

// notNil returns an option that sets a function, and that refuses nil.
func notNil(name string, isNil bool, set func(*config)) Option {
	return option(func(c *config) error {
		if isNil {
			return fmt.Errorf("%s: the function is nil", name)
		}
		set(c)
		return nil
	})
}

// Op is the [keys.Key] Op of every request, by default "http". The Op is the same for all paths, so that one key on two paths is
// a mismatch and not two requests. Op must have 1 to 255 bytes.
func Op(op string) Option {
	return option(func(c *config) error {
		if c.requests.op = op; op == "" || len(op) > 255 {
			return fmt.Errorf("Op(%q): it must have 1 to 255 bytes", op)
		}
		return nil
	})
}

// Methods are the methods whose requests need a key, in place of POST and PATCH. Requests with other methods go to the handler
// unseen, and [Tx] panics in them.
func Methods(methods ...string) Option {
	return option(func(c *config) error {
		if c.requests.methods = slices.Clone(methods); len(methods) == 0 || slices.Contains(methods, "") {
			return fmt.Errorf("Methods(%q): give at least one method, and no empty one", methods)
		}
		return nil
	})
}

// Optional lets a request without a key through, under a random key: the request is carried out whenever it comes. A malformed
// key is refused all the same.
func Optional() Option {
	return option(func(c *config) error { c.requests.optional = true; return nil })
}

// Strict accepts only a key in double quotes, as the draft has it. Without Strict a bare key, as most clients send it, is
// accepted too.
func Strict() Option {
	return option(func(c *config) error { c.requests.strict = true; return nil })
}

// FingerprintBy says which requests with one key are the same, instead of comparing method, path, query and body. The function
// gets the request and its body. For example, keys.FingerprintOf(json.RawMessage(body), "sent_at") ignores a member that a
// client sets anew at every attempt. If the function returns an error, the request is answered with 400.
func FingerprintBy(of func(r *http.Request, body []byte) (keys.Fingerprint, error)) Option {
	return notNil("FingerprintBy", of == nil, func(c *config) { c.requests.fingerprint = of })
}

// MaxRequest is the greatest size of a request's body, in bytes, by default 16 MiB. The body is held in memory, because the
// handler may be called again. A larger body is answered with 413.
func MaxRequest(bytes int64) Option {
	return option(func(c *config) error {
		if c.requests.maxBody = bytes; bytes < 0 {
			return fmt.Errorf("MaxRequest(%d) is negative", bytes)
		}
		return nil
	})
}

// MaxResponse is the greatest size of a stored response's body, in bytes, by default 1 MiB. If a handler writes more, its Write
// returns [ErrResponseTooLarge], its effect is rolled back, and the client gets a problem with the status 500, which is not
// remembered. On MySQL and MariaDB the server's max_allowed_packet must be more than twice as much.
func MaxResponse(bytes int64) Option {
	return option(func(c *config) error {
		if c.answers.maxResponse = bytes; bytes < 0 {
			return fmt.Errorf("MaxResponse(%d) is negative", bytes)
		}
		return nil
	})
}

// StoreNothingAbove commits the effect of a handler whose response is greater than [MaxResponse]. The first caller gets the
// whole response, from a temporary file. A repetition gets the status, the stored headers, and a problem of the type
// response-not-stored; the handler does not run again.
func StoreNothingAbove() Option {
	return option(func(c *config) error { c.answers.storeNothingAbove = true; return nil })
}

// StoreHeaders adds headers to those that are stored with a response and replayed: Allow, Cache-Control, Content-Disposition,
// Content-Encoding, Content-Language, Content-Location, Content-Type, ETag, Last-Modified, Link, Location, Vary and
// WWW-Authenticate. Set-Cookie, Authorization and the headers of a connection are refused.
func StoreHeaders(names ...string) Option {
	return option(func(c *config) error {
		c.answers.headers = slices.Clone(c.answers.headers)
		for _, n := range names {
			n = textproto.CanonicalMIMEHeaderKey(n)
			if n == "" || slices.Contains(unstorableHeaders, n) {
				return fmt.Errorf("StoreHeaders: %q cannot be stored", n)
			}
			c.answers.headers = append(c.answers.headers, n)
		}
		return nil
	})
}

// CommitIf says whether the handler's effect is committed, by the status of its response. The default is a status below 400. A
// response that is committed with an effect is always remembered.
func CommitIf(commits func(status int) bool) Option {
	return notNil("CommitIf", commits == nil, func(c *config) { c.answers.commits = commits })
}

// Remember says whether a response whose effect is not committed is remembered. The default is a status below 500, but for 408,
// 425 and 429. After a response that is not remembered the key is free.
func Remember(remembers func(status int) bool) Option {
	return notNil("Remember", remembers == nil, func(c *config) { c.answers.remembers = remembers })
}

// Authorize is asked before every replay, because a replay does not pass the handler's own check of the caller's rights. The
// request has its body. If the function returns an error, nothing of the stored response is sent: an error from [Reject] gives
// the answer's status, and any other error gives 403.
func Authorize(check func(*http.Request) error) Option {
	return notNil("Authorize", check == nil, func(c *config) { c.authorize = check })
}

// MaxWait is how long a request waits for another request with the same key, and for a connection, by default 10 seconds. Then
// it is answered with 409 or 503. The time of its own handler does not count. [keys.MaxWait] and [keys.NoWait], given by
// [Claiming], are more exact and cost up to three statements; they replace this limit.
func MaxWait(d time.Duration) Option {
	return option(func(c *config) error {
		if c.maxWait = d; d <= 0 {
			return fmt.Errorf("MaxWait(%v): it must be positive: Claiming(keys.NoWait()) does not wait at all", d)
		}
		return nil
	})
}

// Claiming passes options to [keys.Run]: how long a key is remembered ([keys.Retain]), the isolation level, and how long to wait
// for another request with the same key ([keys.MaxWait], [keys.NoWait]). A [keys.WithCodec] has no effect, because responses
// have a form of their own, which is sealed if the store's first codec is [keys.Sealed].
func Claiming(opts ...keys.ClaimOption) Option {
	return option(func(c *config) error {
		c.claiming = append(slices.Clip(c.claiming), opts...)
		return passOn(c, "Claiming", opts)
	})
}

// passOn checks options of package keys. If one of them bounds the wait, the middleware's own bound does not count.
func passOn[O any](c *config, name string, opts []O) error {
	for _, o := range opts {
		switch any(o).(type) {
		case nil:
			return errors.New(name + ": an option is nil")
		case keys.WaitOption:
			c.maxWait = 0
		}
	}
	return nil
}

// ReplayHeader names the header that marks a replay, with the value true. The default is Idempotent-Replayed.
func ReplayHeader(name string) Option {
	return option(func(c *config) error {
		if c.answers.replayHeader = textproto.CanonicalMIMEHeaderKey(name); name == "" {
			return errors.New("ReplayHeader: the name is empty")
		}
		return nil
	})
}

// Problems is the base address of the types of problem documents: a type is the address followed by a name such as in-flight.
// Problems takes an absolute URL, which usually ends in a slash or a "#". The default is this library's documentation.
func Problems(base string) Option {
	return option(func(c *config) error {
		if u, err := url.Parse(base); err != nil || !u.IsAbs() {
			return fmt.Errorf("Problems(%q): it must be an absolute URL", base)
		}
		c.answers.problems = base
		return nil
	})
}

// OnUnusedTx is called for a handler that ends with a committed status and has not asked for its [Tx]: whatever the handler has
// written elsewhere was not committed together with its response. Such a handler is also logged, once for each route.
func OnUnusedTx(f func(*http.Request)) Option {
	return notNil("OnUnusedTx", f == nil, func(c *config) { c.unusedTx = f })
}

// Logger gets the errors of the store, which the client does not see, and the routes of handlers that have not asked for their
// Tx. The default is slog.Default, when New is called.
func Logger(l *slog.Logger) Option {
	return notNil("Logger", l == nil, func(c *config) { c.logger = l })
}
