package keys

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/goupsert/upsert/internal/claimsql"
)

// maxPart is the greatest length of a part of a key, in bytes.
const maxPart = 255

// Key names one request or one effect. All of its parts are required and have 1 to 255 bytes, any bytes. Two keys are the same
// if and only if all their parts are the same byte by byte, whatever the database's collation: a SHA-256 of the parts, each
// with its length, is compared (hazards K21 and K22).
type Key struct {
	// Scope says whose key it is: a tenant, an account, a caller. Without a scope, two customers that choose the same ID get
	// each other's result (hazard K13).
	Scope string
	// Op says what is done, for example "payments.create".
	Op string
	// ID is the caller's name for this one request, as in the Idempotency-Key header. [Derive] makes an ID from the data.
	ID string
}

// String returns the parts in readable form, with slashes between them, for people: two keys can have the same string.
func (k Key) String() string {
	return readable(k.Scope, false) + "/" + readable(k.Op, false) + "/" + readable(k.ID, false)
}

func (k Key) check() error {
	return errors.Join(checkPart("key's Scope", k.Scope), checkPart("key's Op", k.Op), checkPart("key's ID", k.ID))
}

func checkPart(what, s string) error {
	switch {
	case s == "":
		return fmt.Errorf("keys: a %s is empty: it is required", what)
	case len(s) > maxPart:
		return fmt.Errorf("keys: a %s has %d bytes, more than %d: give a hash of it, as Derive does", what, len(s), maxPart)
	}
	return nil
}

// hashVersion and a kind are hashed besides the parts. They must never change, because a stored key is found by its hash
// (hazard K38).
const (
	hashVersion = 1
	kindKey     = 0
	kindMessage = 1
)

// hashOf returns the digest by which a row is found.
func hashOf(kind byte, parts ...string) [claimsql.HashSize]byte {
	room := make([]byte, 0, 256)
	room = append(room, hashVersion, kind)
	for _, p := range parts {
		room = binary.BigEndian.AppendUint32(room, uint32(len(p)))
		room = append(room, p...)
	}
	return sha256.Sum256(room)
}

// readable returns s in a form that a person can read and every database can store. Characters that are not printable are
// written as in a Go string, and so are non-ASCII characters if ascii is true.
func readable(s string, ascii bool) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = s[i] >= ' ' && s[i] <= '~' && s[i] != '"' && s[i] != '\\'
	}
	if plain {
		return s
	}
	quote := strconv.Quote
	if ascii {
		quote = strconv.QuoteToASCII
	}
	q := quote(s)
	return q[1 : len(q)-1]
}

// unreadable is the inverse of readable.
func unreadable(s string) (string, error) {
	back, err := strconv.Unquote(`"` + s + `"`)
	if err != nil {
		return "", fmt.Errorf("keys: the stored copy %q of a key's part cannot be read: %w", s, err)
	}
	return back, nil
}
