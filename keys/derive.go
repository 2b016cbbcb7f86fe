package keys

import (
	"crypto/sha256"
	"database/sql/driver"
	"encoding"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// deriveDomain and derivePrefix name the version of the bytes that Derive hashes. These bytes must never change under one
// version, because a key that comes out differently runs its effect a second time. Another encoding needs another version, in
// both constants.
const (
	deriveDomain = "github.com/goupsert/upsert/keys derive 1\x00"
	derivePrefix = "d1."
)

// maxIndirections ends the walk along pointers that lead back to themselves.
const maxIndirections = 16

// Derive makes a key from a natural key, if nobody has sent an ID. A natural key is the subject of the effect, for example an
// order's number and a day. The key's ID is "d1." and the SHA-256 of the natural parts, in hex. The ID is the same in every
// process and in every release of this package. Another list of parts, another order or another type makes another key.
//
// A part has a type, so 1 and "1" differ, and so do []byte("x") and "x". A part may be
//
//   - a bool;
//   - an integer of any type: equal numbers of different types are the same part;
//   - a string of any type, of any bytes;
//   - bytes, a slice or an array of any length;
//   - a time.Time, which stands for its instant: location and monotonic reading do not matter. Its nanoseconds do matter, and a
//     database keeps microseconds at best, so truncate a time that may be read back;
//   - an [encoding.TextMarshaler] of any underlying type, for example a UUID, a netip.Addr or a decimal: it is the same part as
//     the string of its text. If a type embeds time.Time, its text names the location: pass its Time instead;
//   - a pointer to one of these.
//
// Derive returns an error, which says which part it is and what to give instead, for no part at all; for nil, and a
// [driver.Valuer] that is NULL; for a float, a map, a struct, another slice or array; and for a text that its MarshalText
// cannot make. scope and op are the Scope and Op of [Key], and the same values are refused.
func Derive(scope, op string, natural ...any) (Key, error) {
	if len(natural) == 0 {
		return Key{}, errors.New("keys: a derived key needs a natural part: give one, for example an order's number")
	}
	text := []byte(deriveDomain)
	for i, part := range natural {
		var err error
		if text, err = appendPart(text, part); err != nil {
			return Key{}, fmt.Errorf("keys: natural part %d of the derived key is %w", i+1, err)
		}
	}
	sum := sha256.Sum256(text)
	k := Key{Scope: scope, Op: op, ID: derivePrefix + hex.EncodeToString(sum[:])}
	if err := k.check(); err != nil {
		return Key{}, err
	}
	return k, nil
}

// appendPart writes a part's type, its length in eight bytes and the part itself, so that two different lists of parts never
// have the same bytes.
func appendPart(text []byte, part any) ([]byte, error) {
	v, err := indirect(reflect.ValueOf(part))
	if err != nil {
		return nil, err
	}
	kind, b, err := partOf(v)
	if err != nil {
		return nil, err
	}
	text = binary.BigEndian.AppendUint64(append(text, kind), uint64(len(b)))
	return append(text, b...), nil
}

var errNull = errors.New("nil or NULL, which identifies nothing: leave the part out, or give a value that stands for it")

// indirect follows pointers to the value. indirect returns a copy that has an address, so that a value and a pointer to the
// value have the same methods and are the same part.
func indirect(v reflect.Value) (reflect.Value, error) {
	for range maxIndirections {
		if isNil(v) {
			return v, errNull
		}
		if v.Kind() != reflect.Pointer && v.Kind() != reflect.Interface {
			addressed := reflect.New(v.Type()).Elem()
			addressed.Set(v)
			return addressed, nil
		}
		v = v.Elem()
	}
	return v, errors.New("a pointer that leads to no value: give the value")
}

func isNil(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Map, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return v.IsNil()
	}
	return false
}

// partOf returns a part's type and its bytes.
func partOf(v reflect.Value) (kind byte, b []byte, err error) {
	pointer := v.Addr().Interface()
	// A struct with an embedded pointer that is nil has the pointer's methods and no value.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("a %s whose methods panic (%v): give its fields as parts of their own", v.Type(), r)
		}
	}()
	if t, ok := pointer.(*time.Time); ok {
		b = binary.BigEndian.AppendUint64(nil, uint64(t.Unix()))
		return 't', binary.BigEndian.AppendUint32(b, uint32(t.Nanosecond())), nil
	}
	// Value comes before the text, because the text of a null UUID is "null".
	if valuer, ok := pointer.(driver.Valuer); ok {
		if stored, err := valuer.Value(); err == nil && isNil(reflect.ValueOf(stored)) {
			return 0, nil, errNull
		}
	}
	if m, ok := pointer.(encoding.TextMarshaler); ok {
		if b, err = m.MarshalText(); err != nil {
			return 0, nil, fmt.Errorf("a %s that has no text: %w", v.Type(), err)
		}
		return 's', b, nil
	}
	switch k := v.Kind(); {
	case k == reflect.Bool:
		return 'b', strconv.AppendBool(nil, v.Bool()), nil
	case v.CanInt():
		return 'i', strconv.AppendInt(nil, v.Int(), 10), nil
	case v.CanUint() && k != reflect.Uintptr:
		return 'i', strconv.AppendUint(nil, v.Uint(), 10), nil
	case k == reflect.String:
		return 's', []byte(v.String()), nil
	case (k == reflect.Slice || k == reflect.Array) && v.Type().Elem().Kind() == reflect.Uint8:
		return 'x', v.Bytes(), nil
	}
	return 0, nil, fmt.Errorf("a %s: %s", v.Type(), instead(v.Kind()))
}

// instead says what to give for a value whose kind can be written in more than one way.
func instead(k reflect.Kind) string {
	switch k {
	case reflect.Float32, reflect.Float64:
		return "give its text, or a whole number of a smaller unit, as cents for an amount"
	case reflect.Slice, reflect.Array:
		return "give its elements as parts of their own"
	case reflect.Struct:
		return "give those of its fields that make the effect what it is as parts of their own"
	case reflect.Map:
		return "give its values as parts of their own, in an order that is always the same"
	}
	return "give a text or a number"
}
