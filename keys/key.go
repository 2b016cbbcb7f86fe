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

// Key names one request or one effect. All of its parts are required and have 1 to 255 bytes, any bytes. Two keys are the
// same if and only if all their parts are, byte by byte, whatever the database's collation (hazards K21 and K22): what is
// compared is a SHA-256 of the parts, each with its length.
type Key struct {
	// Scope is whose key it is: a tenant, an account, a caller. Without one, two customers that choose the same ID meet each
	// other's result (hazard K13).
	Scope string
	// Op is what is done, as in "payments.create".
	Op string
	// ID is the caller's name for this one request, as the Idempotency-Key header has it. [Derive] makes one from the data.
	ID string
}

// String returns the parts, readable, with slashes between them. It is for people: two keys can have the same string.
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

// What is hashed besides the parts. None of it may ever change: it is how a stored key is found again (hazard K38).
const (
	hashVersion = 1
	kindKey     = 0
	kindMessage = 1
)

// hashOf is the digest that a row is found by.
func hashOf(kind byte, parts ...string) [claimsql.HashSize]byte {
	room := make([]byte, 0, 256)
	room = append(room, hashVersion, kind)
	for _, p := range parts {
		room = binary.BigEndian.AppendUint32(room, uint32(len(p)))
		room = append(room, p...)
	}
	return sha256.Sum256(room)
}

// readable is s as a person can read it and every database can store it: what is not printable is written as in a Go string,
// and so is what is not ASCII if ascii says so.
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

// unreadable is the way back.
func unreadable(s string) (string, error) {
	back, err := strconv.Unquote(`"` + s + `"`)
	if err != nil {
		return "", fmt.Errorf("keys: the stored copy %q of a key's part cannot be read: %w", s, err)
	}
	return back, nil
}
