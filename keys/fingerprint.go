package keys

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
)

// fingerprintVersion is stored beside a fingerprint. What is hashed may never change under one version: every retry of a
// request that was stored before would be a mismatch.
const fingerprintVersion = 1

// JSON and bytes are never the same request, so each has a domain of its own.
const (
	jsonDomain  = "github.com/goupsert/upsert/keys fingerprint 1 json\x00"
	bytesDomain = "github.com/goupsert/upsert/keys fingerprint 1 bytes\x00"
)

// Fingerprint tells whether two requests with one key ask for the same: make it with [FingerprintOf] or [FingerprintBytes].
// Fingerprints can be compared with ==. The zero Fingerprint says that requests are not compared.
type Fingerprint struct {
	version uint8
	sum     [sha256.Size]byte
}

// IsZero says whether the fingerprint is the zero one, with which requests are not compared.
func (fp Fingerprint) IsZero() bool { return fp == Fingerprint{} }

// String returns the version and the hash in hex, "v1:9f86d0…", and "none" for the zero Fingerprint.
func (fp Fingerprint) String() string {
	if fp.IsZero() {
		return "none"
	}
	return "v" + strconv.Itoa(int(fp.version)) + ":" + hex.EncodeToString(fp.sum[:])
}

// FingerprintOf returns the fingerprint of a request: the SHA-256 of its JSON in the canonical form of RFC 8785. The order
// of members, white space, escapes and the spelling of numbers do not matter: 1, 1.0 and 1e0 are equal, and so are 0 and
// -0. Upper and lower case, the order of an array, an absent member and one that is null, and é in one code point and in
// two do.
//
// A [json.RawMessage], or a pointer to one, is taken as JSON text: give a request's body as it came. Anything else is what
// encoding/json writes for a pointer to it. What that leaves out, as unexported fields, is not compared; a plain []byte is
// a string of base64, so for a body that is no JSON there is [FingerprintBytes].
//
// Each omit names a member to leave out, because it differs from one attempt to the next: a time of sending, a trace's id.
// A name that starts with "/" is a JSON Pointer (RFC 6901) as "/items/0/sent_at", with ~1 for a slash in a name and ~0 for
// a tilde; any other is a member of the outermost object, dots and all. The member need not be there. Nothing else is asked
// of what is left out than to be JSON.
//
// Refused is what could make two different requests equal: a name twice in one object; a string that is not UTF-8, also
// where encoding/json would write U+FFFD for it without a word, and half of a surrogate pair; a number that RFC 8785, which
// knows only IEEE doubles, would write as another one: 9007199254740993, 1e400. Send such a number as a string, or omit it.
// A fraction is rounded to a double, as it is by whoever reads it as one.
// An error is returned also for what encoding/json cannot write, for a text that is no JSON or nested more than 10,000
// deep, for an omit that is empty or no JSON Pointer, and for any omit when the request is no object.
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
			return Fingerprint{}, fmt.Errorf("keys: a fingerprint cannot be taken: %w: encode it, in base64 say, or use FingerprintBytes", err)
		}
	}
	return fingerprint(jsonDomain, text), nil
}

// FingerprintBytes returns the fingerprint of a request that is no JSON: the SHA-256 of its bytes as they are. It is never
// equal to one of [FingerprintOf], also when the bytes are JSON.
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
	// Methods of a pointer are called only where there is one: a struct by value with a big.Int in it would be {}.
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
