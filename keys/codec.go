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

func (c *claim) encode(v any) ([]byte, error) {
	b, err := c.codec.Encode(v)
	if err != nil {
		return nil, fmt.Errorf("keys: %s: the result %T cannot be encoded as %s, and %s: %w", c.key, v, c.codec.Name(), c.consequence(), err)
	}
	if most, raise := c.maxResult(); len(b) > most {
		return nil, &response.SizeError{Text: fmt.Sprintf("keys: %s: the result has %d bytes, more than %d, and %s: return a smaller result, or raise %s", c.key, len(b), most, c.consequence(), raise)}
	}
	if b == nil {
		b = []byte{}
	}
	return b, nil
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
