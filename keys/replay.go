package keys

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
)

// roundTrip returns the value that a replay will give for fn's value, and its stored form. The caller that ran fn gets this
// value too, so that the first answer and a replay cannot differ (hazard K49). If a replay would not always give the same
// value, roundTrip fails and the effect is rolled back.
func roundTrip[R any](c *claim, ran R) (again R, stored []byte, err error) {
	var none R
	if err := checkStorable[R](c); err != nil {
		return none, nil, fmt.Errorf("keys: %s: the result %T cannot be encoded as json and read back, and %s: %w", c.key, ran, c.consequence(), err)
	}
	form, isSealed := formOf(c.codec)
	plain, err := c.encodeAs(form, ran)
	if err != nil {
		return none, nil, err
	}
	if err := form.Decode(plain, &again); err != nil {
		return none, nil, fmt.Errorf("keys: %s: the result %T cannot be decoded again, and %s: %w", c.key, ran, c.consequence(), err)
	}
	second, err := c.encodeAs(form, again)
	if err != nil {
		return none, nil, err
	}
	if !bytes.Equal(second, plain) && !isSameValue(form, again, second) {
		shown := fmt.Sprintf(" (the result is %s, and then %s)", excerpt(plain), excerpt(second))
		if isSealed {
			shown = "" // a sealed result may be secret
		}
		return none, nil, fmt.Errorf("keys: %s: the result %T changes if it is stored and read back, and %s: one cause is an integer above 2^53 in a field of type any: give the field the integer's type%s",
			c.key, ran, c.consequence(), shown)
	}
	if !isSealed {
		return again, plain, nil
	}
	if stored, err = c.encode(ran); err != nil {
		return none, nil, err
	}
	return again, stored, nil
}

// isSameValue reports whether a codec writes one value in several forms, for example encrypted with a random nonce or with the
// members of a map in any order, and data, which is one form of v, is decoded as v.
func isSameValue[R any](form Codec, v R, data []byte) bool {
	other, err := form.Encode(v)
	if err != nil || bytes.Equal(other, data) {
		return false // two values, because the codec writes a value in one form
	}
	var decoded R
	return form.Decode(data, &decoded) == nil && reflect.DeepEqual(decoded, v)
}

// checkStorable refuses a type of which the call's codec would lose a part.
func checkStorable[R any](c *claim) error {
	form, _ := formOf(c.codec)
	if _, ok := form.(jsonCodec); ok {
		return checkReplayable(reflect.TypeFor[R]())
	}
	return nil
}

// consequence says what becomes of an effect whose result cannot be stored.
func (c *claim) consequence() string {
	if c.leased {
		return "the key is kept, because the effect may have happened"
	}
	return "the effect was rolled back"
}

// excerpt returns the beginning of a stored result, for an error.
func excerpt(data []byte) string {
	const most = 80
	if len(data) > most {
		return string(data[:most]) + "…"
	}
	return string(data)
}

// replayable keeps the result of checkReplayable for each type: nil or an error.
var replayable sync.Map

// checkReplayable refuses a type if encoding/json would silently drop a part of its values, or could not read them back.
func checkReplayable(t reflect.Type) error {
	if found, ok := replayable.Load(t); ok {
		err, _ := found.(error)
		return err
	}
	err := findUnreplayable(t, t.String(), map[reflect.Type]bool{})
	replayable.Store(t, err)
	return err
}

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

func findUnreplayable(t reflect.Type, path string, seen map[reflect.Type]bool) error {
	if seen[t] {
		return nil
	}
	seen[t] = true
	for _, m := range []reflect.Type{jsonMarshaler, textMarshaler} {
		if t.Implements(m) && t.Kind() != reflect.Interface || reflect.PointerTo(t).Implements(m) {
			return nil
		}
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return findUnreplayable(t.Elem(), path, seen)
	case reflect.Func, reflect.Chan, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return fmt.Errorf("%s is a %s", path, t)
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return fmt.Errorf("%s is a %s, an interface, into which no value can be decoded: return a text or a struct", path, t)
		}
	case reflect.Struct:
		return findUnreplayableField(t, path, seen)
	}
	return nil
}

func findUnreplayableField(t reflect.Type, path string, seen map[reflect.Type]bool) error {
	for i := range t.NumField() {
		f := t.Field(i)
		switch at := path + "." + f.Name; {
		case f.Tag.Get("json") == "-": // the field is not meant to be stored
		case !f.IsExported() && !f.Anonymous:
			return fmt.Errorf("%s is not exported, so it is not stored: export it, tag it `json:\"-\"`, or give %s a MarshalJSON", at, t)
		default:
			if err := findUnreplayable(f.Type, at, seen); err != nil {
				return err
			}
		}
	}
	return nil
}
