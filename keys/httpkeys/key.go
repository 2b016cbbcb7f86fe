package httpkeys

import (
	"errors"
	"strings"

	"github.com/dunglas/httpsfv"
)

// keyHeader is the request's header that has the key.
const keyHeader = "Idempotency-Key"

// longestKey is the greatest length of a key in bytes, without quotes and escapes.
const longestKey = 255

var (
	errNoKey      = errors.New("the header is missing")
	errTwoKeys    = errors.New("the header is there more than once")
	errEmptyKey   = errors.New("the key is empty")
	errLongKey    = errors.New("the key has more than 255 bytes")
	errNotQuoted  = errors.New("the key must be a string in double quotes (RFC 9651)")
	errNotBareKey = errors.New(`a key without quotes must have printable ASCII characters only, and no space, comma or double quote: put it in double quotes`)
)

// parseKey returns the key of the header's lines. A key in double quotes is a string of RFC 9651, whose parameters are ignored.
// If strict is false, the key may also be bare. Both forms of a key are the same key.
func parseKey(lines []string, strict bool) (key string, err error) {
	switch {
	case len(lines) == 0:
		return "", errNoKey
	case len(lines) > 1:
		return "", errTwoKeys
	case lines[0] == "":
		return "", errEmptyKey
	}
	key = lines[0]
	switch quoted := strings.HasPrefix(strings.TrimLeft(key, " "), `"`); {
	case quoted || strict:
		item, err := httpsfv.UnmarshalItem(lines)
		text, isString := item.Value.(string)
		if err != nil || !isString {
			return "", errNotQuoted
		}
		key = text
	case strings.ContainsFunc(key, isNotBare):
		return "", errNotBareKey
	}
	switch {
	case key == "":
		return "", errEmptyKey
	case len(key) > longestKey:
		return "", errLongKey
	}
	return key, nil
}

func isNotBare(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == ',' }
