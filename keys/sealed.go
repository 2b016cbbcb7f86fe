package keys

import (
	"bytes"
	"errors"
	"fmt"
)

// Sealed returns a codec that stores results in the form of another codec, changed by seal, for example encrypted or compressed. nil
// in place of form means JSON. open is the inverse of seal, and must return an error for data that seal has not made, as an AEAD
// does. seal may return another text each time, for example with a random nonce. Both must be safe for concurrent use and must
// not keep data.
//
// The name is stored beside the result. It should name the encryption key too, for example "aes-2026": to change the key, give
// [Codecs] a Sealed of another name first, and the old one after it.
//
// A result is checked for losses in the codec's form, as without Sealed, and the sealed data is opened again before it is stored.
// A call fails, and its effect is rolled back, if open does not return what seal was given.
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
	plain, err := s.open(data)
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

// formOf returns the codec in whose form a result is checked, and whether the form is sealed.
func formOf(codec Codec) (form Codec, isSealed bool) {
	s, isSealed := codec.(*sealed)
	if !isSealed {
		return codec, false
	}
	form, _ = formOf(s.form)
	return form, true
}
