package keys

import (
	"bytes"
	"errors"
	"fmt"
)

// Sealed returns a codec that stores results in the form of another codec, changed by seal, for example encrypted or
// compressed. nil in place of form means JSON. open is the inverse of seal, and must return an error for data that seal has
// not made, as an AEAD does. seal may return another text each time, for example with a random nonce. Both must be safe for
// concurrent use, must not keep data, and may overwrite data.
//
// The name is stored beside the result. It should name the encryption key too, for example "aes-2026": to change the key, give
// [Codecs] a Sealed of another name first, and the old one after it.
//
// A result is checked for losses in the codec's form, as without Sealed, and the sealed data is opened again before it is
// stored. A call fails, and its effect is rolled back, if open does not return what seal was given.
func Sealed(name string, form Codec, seal, open func(data []byte) ([]byte, error)) Codec {
	if form == nil {
		form = jsonCodec{}
	}
	return &sealed{name, form, seal, open}
}

type sealed struct {
	name       string
	form       Codec
	seal, open func([]byte) ([]byte, error)
}

func (s *sealed) Name() string { return s.name }

func (s *sealed) Encode(v any) ([]byte, error) {
	plain, err := s.form.Encode(v)
	if err != nil {
		return nil, err
	}
	return s.close(plain)
}

func (s *sealed) Decode(data []byte, v any) error {
	plain, err := s.open(bytes.Clone(data)) // open may write to what it is given, and other callers read the same data
	if err != nil {
		return err
	}
	return s.form.Decode(plain, v)
}

// close seals data and checks that the data can be read again.
func (s *sealed) close(plain []byte) ([]byte, error) {
	data, err := s.seal(bytes.Clone(plain)) // seal may write to what it is given
	if err != nil {
		return nil, err
	}
	opened, err := s.open(bytes.Clone(data))
	if err == nil && !bytes.Equal(opened, plain) {
		err = errors.New("open returns other data than seal was given")
	}
	if err != nil {
		return nil, fmt.Errorf("what was sealed cannot be opened: %w", err)
	}
	return data, nil
}

// around returns the codec that seals another form in the same way.
func (s *sealed) around(form Codec) *sealed {
	if inner, ok := s.form.(*sealed); ok {
		form = inner.around(form)
	}
	return &sealed{s.name, form, s.seal, s.open}
}

// formOf returns the codec in whose form a result is checked, and whether the form is sealed.
func formOf(codec Codec) (form Codec, isSealed bool) {
	s, isSealed := codec.(*sealed)
	if !isSealed {
		return codec, false
	}
	form, _ = formOf(s.form)
	return form, true
}

// sealMark begins the stored form of an error that is sealed, and ends the name of its codec. JSON does not begin so.
const sealMark = "\x00"

// sealError seals the stored form of an error if the store seals its results.
func (s *Store) sealError(plain []byte) ([]byte, error) {
	c, isSealed := s.config.codec().(*sealed)
	if !isSealed {
		return plain, nil
	}
	data, err := c.closeAll(plain)
	if err != nil {
		return nil, err
	}
	return append([]byte(sealMark+c.name+sealMark), data...), nil
}

// openError is the inverse of sealError, also for a codec that has stored errors before.
func (s *Store) openError(data []byte) ([]byte, error) {
	named, isSealed := bytes.CutPrefix(data, []byte(sealMark))
	if !isSealed {
		return data, nil
	}
	name, data, _ := bytes.Cut(named, []byte(sealMark))
	c, known := findCodec(s.config.codecs, string(name)).(*sealed)
	if !known {
		return nil, fmt.Errorf("it is sealed by the codec %q: name the codec in Codecs", name)
	}
	return c.openAll(data)
}

// closeAll and openAll also use the seal of a form that is sealed itself.
func (s *sealed) closeAll(plain []byte) (_ []byte, err error) {
	if inner, ok := s.form.(*sealed); ok {
		if plain, err = inner.closeAll(plain); err != nil {
			return nil, err
		}
	}
	return s.close(plain)
}

func (s *sealed) openAll(data []byte) ([]byte, error) {
	plain, err := s.open(bytes.Clone(data))
	if inner, ok := s.form.(*sealed); ok && err == nil {
		return inner.openAll(plain)
	}
	return plain, err
}
