package keys

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/goupsert/upsert/internal/response"
)

// Codec says how a result is stored. A Codec must be safe for concurrent use.
type Codec interface {
	// Name is stored beside the result. Only a codec with the same name decodes the result, so change the name whenever the
	// form changes. A name has 1 to 64 bytes of printable ASCII.
	Name() string
	Encode(v any) ([]byte, error)
	// Decode fills v, a pointer to the type that was encoded. Decode must not keep data.
	Decode(data []byte, v any) error
}

const maxCodecName = 64

// Codecs sets how the store keeps results. Results are stored by the first codec, and a stored result is decoded by the codec
// whose name is stored beside it: one of these, or JSON. So to change the codec, put the new one first and keep the old one in
// the list until no result of the old one is left. By default a store has JSON only.
//
// [WithCodec] replaces the first codec for one call; the call can still read what the store's codecs have written. A codec may
// encrypt: see [Sealed]. If the first codec is Sealed, the texts of [Final] errors and the reasons of parked keys are sealed
// too. The key itself, and what [Store.Fail] records, are stored as they are.
//
// Open returns an error that names a codec that is nil, whose name is not allowed, or whose name is another's.
func Codecs(store Codec, others ...Codec) Option {
	return option(func(c *config) error {
		c.codecs = nil
		for _, codec := range append([]Codec{store}, others...) {
			if err := checkCodec("Codecs", codec); err != nil {
				return err
			}
			if findCodec(c.codecs, codec.Name()) != nil {
				return fmt.Errorf("keys: Codecs: two codecs have the name %q", codec.Name())
			}
			c.codecs = append(c.codecs, codec)
		}
		if findCodec(c.codecs, jsonCodec{}.Name()) == nil {
			c.codecs = append(c.codecs, jsonCodec{})
		}
		return nil
	})
}

func checkCodec(option string, codec Codec) error {
	if codec == nil {
		return fmt.Errorf("keys: %s: the codec is nil", option)
	}
	if s, ok := codec.(*sealed); ok && (s.seal == nil || s.open == nil) {
		return fmt.Errorf("keys: %s: a function of the Sealed codec %q is nil", option, s.name)
	}
	if n := codec.Name(); n == "" || len(n) > maxCodecName || n == finalCodec || readable(n, true) != n {
		return fmt.Errorf("keys: %s: the name %q: it must have 1 to %d bytes of printable ASCII and not be %q", option, n, maxCodecName, finalCodec)
	}
	return nil
}

// findCodec returns nil if none of the codecs has the name.
func findCodec(codecs []Codec, name string) Codec {
	for _, codec := range codecs {
		if codec.Name() == name {
			return codec
		}
	}
	return nil
}

// codec returns the codec that stores the results of calls that name no other.
func (c *config) codec() Codec {
	if len(c.codecs) == 0 {
		return jsonCodec{}
	}
	return c.codecs[0]
}

// useCodec makes the call decode a stored result by the codec with this name.
func (c *claim) useCodec(name string) error {
	if _, ignored := c.codec.(noResult); ignored || name == c.codec.Name() {
		return nil
	}
	if c.form != nil && name == c.form.Name() {
		c.codec = c.form
		return nil
	}
	stored := findCodec(c.store.config.codecs, name)
	s, isSealed := stored.(*sealed)
	if c.form != nil && !isSealed {
		return fmt.Errorf("keys: %s: the result is stored with the codec %q: %w", c.key, name, response.ErrForm)
	}
	if stored == nil {
		return fmt.Errorf("keys: %s: the result is stored with the codec %q and this call has the codec %q: use the codec that stored the result, or name it in Codecs", c.key, name, c.codec.Name())
	}
	if c.form != nil {
		stored = s.around(c.form)
	}
	c.codec = stored
	return nil
}

// handleResponses prepares a call whose result is a handler's response, which has a form of its own. If the store seals its
// results, the response is sealed too.
func (c *claim) handleResponses() {
	c.handler, c.form = true, c.codec
	if s, isSealed := c.store.config.codec().(*sealed); isSealed {
		c.codec = s.around(c.form)
	}
}

type jsonCodec struct{}

func (jsonCodec) Name() string                    { return "json" }
func (jsonCodec) Decode(data []byte, v any) error { return json.Unmarshal(data, v) }

// Encode refuses a value that encoding/json would silently replay as another value.
func (jsonCodec) Encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if err := checkUTF8(v, b); err != nil {
		return nil, fmt.Errorf("%w: return a []byte, or give a codec", err)
	}
	return b, nil
}

func (c *claim) encode(v any) ([]byte, error) { return c.encodeAs(c.codec, v) }

func (c *claim) encodeAs(codec Codec, v any) ([]byte, error) {
	b, err := codec.Encode(v)
	if err != nil {
		return nil, fmt.Errorf("keys: %s: the result %T cannot be encoded as %s, and %s: %w", c.key, v, codec.Name(), c.consequence(), err)
	}
	if b == nil {
		b = []byte{}
	}
	if err := c.checkSize(b); err != nil {
		return nil, err
	}
	return b, nil
}

func (c *claim) checkSize(result []byte) error {
	most, raise := c.maxResult()
	if len(result) <= most {
		return nil
	}
	return &response.SizeError{Text: fmt.Sprintf("keys: %s: the result has %d bytes, more than %d, and %s: return a smaller result, or raise %s", c.key, len(result), most, c.consequence(), raise)}
}

// maxResult returns the greatest size of an encoded result, and what to raise to store more.
func (c *claim) maxResult() (most int, raise string) {
	most = c.store.maxStored(math.MaxInt)
	if !c.handler && most >= c.store.config.maxResult {
		return c.store.config.maxResult, "MaxResult"
	}
	return most, "the server's max_allowed_packet"
}

func (c *claim) decode(data []byte, v any) error {
	if err := c.codec.Decode(data, v); err != nil {
		return fmt.Errorf("keys: %s: the stored result cannot be decoded as %s into %T: %w", c.key, c.codec.Name(), v, err)
	}
	return nil
}
