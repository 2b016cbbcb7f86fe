package httpkeys

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net/http"

	"github.com/goupsert/upsert/keys"
)

// prepare reads the request. prepare returns a problem if the request has no key that can be used.
func (x *exchange) prepare() *problem {
	id, keyErr := parseKey(x.r.Header.Values(keyHeader), x.m.config.requests.strict)
	scope, p := x.m.scopeOf(x.r)
	switch {
	case p != nil:
		x.id = id
		return p
	case errors.Is(keyErr, errNoKey) && x.m.config.requests.optional:
		id = "without a key: " + rand.Text()
	case keyErr != nil:
		return invalidKey.because("Idempotency-Key: %v.", keyErr)
	default:
		x.id = id
	}
	x.key = keys.Key{Scope: scope, Op: x.m.config.requests.op, ID: id}
	return x.readBody()
}

// longestScope is the greatest length of a scope that is stored as it is.
const longestScope = 255

// scopeOf returns the scope of a request.
func (m *Middleware) scopeOf(r *http.Request) (string, *problem) {
	scope, err := m.scope(r)
	switch {
	case err != nil:
		return "", unauthenticated.rejected(err)
	case scope == "":
		return "", unauthenticated.because("")
	case len(scope) > longestScope:
		sum := sha256.Sum256([]byte(scope))
		scope = "sha256:" + hex.EncodeToString(sum[:])
	}
	return scope, nil
}

// readBody reads the body before anything is claimed, so that a slow client holds no transaction.
func (x *exchange) readBody() *problem {
	var err error
	if x.r.Body != nil {
		x.body, err = io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, x.m.config.requests.maxBody))
	}
	var size *http.MaxBytesError
	switch {
	case errors.As(err, &size):
		return bodyTooLarge.because("The body has more than %d bytes.", size.Limit)
	case err != nil:
		return unreadableBody.because("The body has ended early.")
	}
	if x.fingerprint, err = x.m.config.requests.fingerprint(x.request(x.r.Context()), x.body); err != nil {
		return unreadableBody.because("The body has no fingerprint: %v.", err)
	}
	return nil
}

// fingerprintOf compares requests by method, path, query and body. If the form was parsed before the middleware, the body was
// read then, and the form takes its place.
func fingerprintOf(r *http.Request, body []byte) (keys.Fingerprint, error) {
	var all []byte
	for _, part := range []string{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.PostForm.Encode()} {
		all = binary.BigEndian.AppendUint32(all, uint32(len(part)))
		all = append(all, part...)
	}
	return keys.FingerprintBytes(append(all, body...)), nil
}
