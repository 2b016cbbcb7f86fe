package keys

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"unicode/utf8"
)

// checkUTF8 returns an error if v contains a string that is not UTF-8. encoding/json, which has written v, silently replaces
// the string's bad bytes by U+FFFD. The written text does not reveal this: a U+FFFD may have been in the string, or in a
// json.RawMessage.
func checkUTF8(v any, written []byte) error {
	if !bytes.ContainsRune(written, utf8.RuneError) && !bytes.Contains(written, []byte("ufffd")) {
		return nil
	}
	rv := reflect.ValueOf(v)
	f := utf8Finder{seen: map[visit]bool{}}
	if rv.IsValid() && f.find(rv, rv.Type().String()) {
		return fmt.Errorf("a string in it is not UTF-8, and encoding/json replaced the string's bytes by U+FFFD (%s)", f.where)
	}
	return nil
}

// utf8Finder looks for a string that is not UTF-8, also in fields that encoding/json may skip, because a MarshalJSON may write
// them.
type utf8Finder struct {
	seen  map[visit]bool
	where string
}

type visit struct {
	t reflect.Type
	p uintptr
}

func (f *utf8Finder) find(v reflect.Value, path string) bool {
	if v.CanInterface() && f.marshals(v, path) {
		return true
	}
	switch v.Kind() {
	case reflect.String:
		return f.check(v.String(), path)
	case reflect.Pointer:
		at := visit{v.Type(), v.Pointer()}
		if v.IsNil() || f.seen[at] {
			return false
		}
		f.seen[at] = true
		return f.find(v.Elem(), path)
	case reflect.Interface:
		return !v.IsNil() && f.find(v.Elem(), path)
	case reflect.Struct:
		for i := range v.NumField() {
			if f.find(v.Field(i), path+"."+v.Type().Field(i).Name) {
				return true
			}
		}
	case reflect.Map:
		for i := v.MapRange(); i.Next(); {
			if f.find(i.Key(), path+"'s key") || f.find(i.Value(), fmt.Sprintf("%s[%v]", path, i.Key())) {
				return true
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return false // base64, or a json.RawMessage
		}
		for i := range v.Len() {
			if f.find(v.Index(i), fmt.Sprintf("%s[%d]", path, i)) {
				return true
			}
		}
	}
	return false
}

func (f *utf8Finder) check(text, path string) bool {
	f.where = path
	return !utf8.ValidString(text)
}

// marshals looks at the text that the value's own methods write. If encoding/json has left the value out, such a method may
// panic.
func (f *utf8Finder) marshals(v reflect.Value, path string) (found bool) {
	defer func() { _ = recover() }()
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return false
	}
	switch m := v.Interface().(type) {
	case json.RawMessage, *json.RawMessage:
	case json.Marshaler:
		text, err := m.MarshalJSON()
		f.where = path
		return err == nil && replaced(text)
	case encoding.TextMarshaler:
		text, err := m.MarshalText()
		return err == nil && f.check(string(text), path)
	}
	return false
}

// replaced reports whether encoding/json found a string that is not UTF-8. encoding/json then writes the escape; a U+FFFD that
// was in the string is written unchanged.
func replaced(token []byte) bool {
	const escape = `\ufffd`
	if !bytes.Contains(token, []byte(escape)) {
		return false
	}
	for i := 0; i < len(token); i++ {
		if bytes.HasPrefix(token[i:], []byte(escape)) {
			return true
		}
		if token[i] == '\\' {
			i++
		}
	}
	return false
}
