package keys

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
)

// fingerprintVersion is stored beside a fingerprint. The hashed bytes must never change under one version; otherwise every
// retry of a request that was stored before would be a mismatch.
const fingerprintVersion = 1

// JSON and bytes are never the same request, so each has a domain of its own.
const (
	jsonDomain  = "github.com/goupsert/upsert/keys fingerprint 1 json\x00"
	bytesDomain = "github.com/goupsert/upsert/keys fingerprint 1 bytes\x00"
)

// Fingerprint tells whether two requests with one key ask for the same. [FingerprintOf] and [FingerprintBytes] return a
// Fingerprint. Fingerprints can be compared with ==. If a call has the zero Fingerprint, requests are not compared.
type Fingerprint struct {
	version uint8
	sum     [sha256.Size]byte
}

// IsZero reports whether fp is the zero Fingerprint, with which requests are not compared.
func (fp Fingerprint) IsZero() bool { return fp == Fingerprint{} }

// String returns the version and the hash in hex, "v1:9f86d0…", and "none" for the zero Fingerprint.
func (fp Fingerprint) String() string {
	if fp.IsZero() {
		return "none"
	}
	return "v" + strconv.Itoa(int(fp.version)) + ":" + hex.EncodeToString(fp.sum[:])
}

// FingerprintOf returns the fingerprint of a request: the SHA-256 of the request's JSON in the canonical form of RFC 8785. The
// order of members, white space, escapes and the spelling of numbers do not matter: 1, 1.0 and 1e0 are equal, and so are 0 and
// -0. Upper and lower case matter, and so does the order of an array. An absent member differs from a null member, and é as one
// code point differs from é as two.
//
// A [json.RawMessage], or a pointer to one, is taken as JSON text: pass a request's body unchanged. For any other v,
// FingerprintOf takes the JSON that encoding/json writes for a pointer to v. If encoding/json leaves something out, for example
// an unexported field, it is not compared. A plain []byte becomes a string of base64, so use [FingerprintBytes] for a body that
// is not JSON.
//
// Each omit names a member to leave out because it differs from one attempt to the next, for example the time of sending or the
// identity of a trace. A name that starts with "/" is a JSON Pointer (RFC 6901) such as "/items/0/sent_at", with ~1 for a slash
// in a name and ~0 for a tilde. Any other name is a member of the outermost object, dots and all. The member need not exist. A
// member that is left out must be JSON; it is not checked further.
//
// FingerprintOf refuses everything that could make two different requests equal:
//
//   - a name twice in one object;
//   - a string that is not UTF-8, even if encoding/json would silently write U+FFFD for it, and half of a surrogate pair;
//   - a number that RFC 8785, which knows only IEEE doubles, would write as another number: 9007199254740993, 1e400. Send such
//     a number as a string, or omit it.
//
// A fraction is rounded to a double, as in every program that reads the number as a double.
//
// FingerprintOf also returns an error for a value that encoding/json cannot write, for a text that is not JSON or is nested
// more than 10,000 deep, for an omit that is empty or not a JSON Pointer, and for any omit if the request is not an object.
func FingerprintOf(v any, omit ...string) (Fingerprint, error) {
	pointers, err := parseOmits(omit)
	if err != nil {
		return Fingerprint{}, err
	}
	text, marshalled, err := jsonOf(v)
	if err != nil {
		return Fingerprint{}, err
	}
	if text, err = canonical(text, pointers); err != nil {
		return Fingerprint{}, err
	}
	if marshalled {
		if err := checkUTF8(v, text); err != nil {
			return Fingerprint{}, fmt.Errorf("keys: a fingerprint cannot be taken: %w: encode it, for example in base64, or use FingerprintBytes", err)
		}
	}
	return fingerprint(jsonDomain, text), nil
}

// FingerprintBytes returns the fingerprint of a request that is not JSON: the SHA-256 of its bytes. This fingerprint never
// equals a fingerprint of [FingerprintOf], even if the bytes are JSON.
func FingerprintBytes(b []byte) Fingerprint { return fingerprint(bytesDomain, b) }

func fingerprint(domain string, b []byte) Fingerprint {
	h := sha256.New()
	h.Write([]byte(domain))
	h.Write(b)
	fp := Fingerprint{version: fingerprintVersion}
	h.Sum(fp.sum[:0])
	return fp
}

// jsonOf returns a request's JSON, and whether encoding/json wrote it.
func jsonOf(v any) (text []byte, marshalled bool, err error) {
	switch raw := v.(type) {
	case json.RawMessage:
		return raw, false, nil
	case *json.RawMessage:
		if raw != nil {
			return *raw, false, nil
		}
	}
	// encoding/json calls a pointer's methods only if it has a pointer: a struct passed by value that contains a big.Int would
	// be {}.
	if rv := reflect.ValueOf(v); rv.IsValid() && rv.Kind() != reflect.Pointer {
		p := reflect.New(rv.Type())
		p.Elem().Set(rv)
		v = p.Interface()
	}
	if text, err = json.Marshal(v); err != nil {
		return nil, false, fmt.Errorf("keys: the request has no JSON to take a fingerprint of: %w", err)
	}
	return text, true, nil
}
