package keys

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gowebpki/jcs"
)

// pointer holds the names and indices of a JSON Pointer, at least one.
type pointer []string

// parseOmits parses the names of the members that are left out of a fingerprint.
func parseOmits(omit []string) ([]pointer, error) {
	pointers := make([]pointer, len(omit))
	escapes, unescape := strings.NewReplacer("~0", "", "~1", ""), strings.NewReplacer("~0", "~", "~1", "/")
	for i, name := range omit {
		switch {
		case name == "":
			return nil, errors.New(`keys: an empty omit names no member: leave it out, or give "/" for the member with the empty name`)
		case !utf8.ValidString(name):
			return nil, fmt.Errorf("keys: omit %q is not UTF-8, and a member's name always is", name)
		case name[0] != '/':
			pointers[i] = pointer{name}
			continue
		}
		for token := range strings.SplitSeq(name[1:], "/") {
			if strings.Contains(escapes.Replace(token), "~") {
				return nil, fmt.Errorf("keys: omit %q is not a JSON Pointer: write ~0 for a tilde and ~1 for a slash in a name", name)
			}
			pointers[i] = append(pointers[i], unescape.Replace(token))
		}
	}
	return pointers, nil
}

// canonical returns the text in the form of RFC 8785, without the members to omit.
func canonical(text []byte, omit []pointer) ([]byte, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil { // Compact bounds the nesting, too
		return nil, fmt.Errorf("keys: a fingerprint cannot be taken: %w: send JSON, or use FingerprintBytes", err)
	}
	w := walker{in: compact.Bytes()}
	if len(omit) > 0 && w.in[0] != '{' {
		return nil, errors.New("keys: a fingerprint cannot be taken: the request is not an object, so no member can be omitted: give no omit")
	}
	if err := w.value(omit); err != nil {
		return nil, fmt.Errorf("keys: a fingerprint cannot be taken: %w", err)
	}
	out, err := jcs.Transform(w.out)
	if err != nil {
		return nil, fmt.Errorf("keys: a fingerprint cannot be taken, because two requests could have the same one: %w: "+
			"send JSON with each name once and strings that are UTF-8, or use FingerprintBytes", err)
	}
	return out, nil
}

// walker copies compact JSON that is known to be well-formed. walker leaves out the members to omit, and writes each number in
// its canonical form on its own, to notice a number that would change.
type walker struct {
	in, out []byte
	at      int
	member  []byte // the innermost member's name as written, for errors
}

func (w *walker) value(omit []pointer) error {
	switch w.in[w.at] {
	case '{':
		return w.object(omit)
	case '[':
		return w.array(omit)
	case '"':
		w.out = append(w.out, w.str()...)
		return nil
	}
	start := w.at
	w.skip()
	token := w.in[start:w.at]
	if c := token[0]; c == 't' || c == 'f' || c == 'n' {
		w.out = append(w.out, token...)
		return nil
	}
	number, ok := canonicalNumber(string(token))
	if !ok {
		return fmt.Errorf("the number %s%s would change in RFC 8785, which has only doubles: "+
			"send it as a string (tag json:\",string\" in a struct), or omit it", short(token), w.where())
	}
	w.out = append(w.out, number...)
	return nil
}

func (w *walker) object(omit []pointer) error {
	outer := w.member
	w.out = append(w.out, '{')
	first := len(w.out)
	dropped := map[string]bool{}
	for w.at++; w.in[w.at] != '}'; {
		if w.in[w.at] == ',' {
			w.at++
		}
		w.member = w.str()
		w.at++ // the colon
		inner, name, drop, err := w.match(omit)
		switch {
		case err != nil:
			return err
		case drop && dropped[name]:
			return fmt.Errorf("an object has the member %q twice: send each name once", name)
		case drop:
			dropped[name] = true
			w.skip()
			continue
		}
		if len(w.out) > first {
			w.out = append(w.out, ',')
		}
		w.out = append(append(w.out, w.member...), ':')
		if err := w.value(inner); err != nil {
			return err
		}
	}
	w.at++
	w.out = append(w.out, '}')
	w.member = outer
	return nil
}

func (w *walker) array(omit []pointer) error {
	w.out = append(w.out, '[')
	first := len(w.out)
	w.at++
	for i := 0; w.in[w.at] != ']'; i++ {
		if w.in[w.at] == ',' {
			w.at++
		}
		inner, drop := below(omit, i)
		if drop {
			w.skip()
			continue
		}
		if len(w.out) > first {
			w.out = append(w.out, ',')
		}
		if err := w.value(inner); err != nil {
			return err
		}
	}
	w.at++
	w.out = append(w.out, ']')
	return nil
}

// match returns the pointers to omit below the current member, or reports that the member itself is omitted.
func (w *walker) match(omit []pointer) (inner []pointer, name string, drop bool, err error) {
	if len(omit) == 0 {
		return nil, "", false, nil
	}
	// encoding/json reads half of a surrogate pair as U+FFFD, which could be the name of a member to omit.
	text, err := jcs.Transform(w.member)
	if err == nil {
		err = json.Unmarshal(text, &name)
	}
	if err != nil {
		return nil, "", false, fmt.Errorf("the name%s: %w: send strings that are UTF-8", w.where(), err)
	}
	inner, drop = narrow(omit, name)
	return inner, name, drop, nil
}

func below(omit []pointer, index int) (inner []pointer, drop bool) {
	if len(omit) == 0 {
		return nil, false
	}
	return narrow(omit, strconv.Itoa(index))
}

func narrow(omit []pointer, name string) (inner []pointer, drop bool) {
	for _, p := range omit {
		if p[0] != name {
			continue
		}
		if len(p) == 1 {
			return nil, true
		}
		inner = append(inner, p[1:])
	}
	return inner, false
}

// skip moves to the end of the current value: to a comma, the closing bracket around the value, or the end of the text.
func (w *walker) skip() {
	for depth := 0; w.at < len(w.in); {
		switch c := w.in[w.at]; {
		case c == '"':
			w.str()
			continue
		case c == '{' || c == '[':
			depth++
		case depth == 0 && (c == ',' || c == '}' || c == ']'):
			return
		case c == '}' || c == ']':
			depth--
		}
		w.at++
	}
}

// str returns the current string as written, with its quotes, and moves behind the string.
func (w *walker) str() []byte {
	start := w.at
	for w.at++; w.in[w.at] != '"'; w.at++ {
		if w.in[w.at] == '\\' {
			w.at++
		}
	}
	w.at++
	return w.in[start:w.at]
}

func (w *walker) where() string {
	if w.member == nil {
		return ""
	}
	return " in member " + strconv.Quote(string(short(w.member[1:len(w.member)-1])))
}

// short cuts a part of a request for an error's text.
func short(token []byte) []byte {
	const most = 40
	if len(token) <= most {
		return token
	}
	return append(bytes.Clone(token[:most]), "..."...)
}

// decimal is the number digits × 10^exponent. digits has no zeros at either end; the number zero has no digits.
type decimal struct {
	negative bool
	digits   string
	exponent int64
}

// canonicalNumber returns the number as RFC 8785 writes it, and reports whether the number stays the same except for the
// rounding of a fraction. canonicalNumber compares digits and exponents and never writes the number out, because a caller may
// have chosen a huge exponent.
func canonicalNumber(token string) (string, bool) {
	d, ok := parseDecimal(token)
	if !ok {
		return "", false
	}
	if d.digits == "" {
		return "0", true
	}
	double, err := strconv.ParseFloat(d.digits+"e"+strconv.FormatInt(d.exponent, 10), 64)
	if err != nil {
		return "", false
	}
	if d.negative {
		double = math.Copysign(double, -1)
	}
	text, err := jcs.NumberToJSON(double)
	back, ok := parseDecimal(text)
	return text, err == nil && ok && (back == d || d.exponent < 0 && roundsGently(double))
}

// roundsGently reports whether a fraction of this size is rounded only in about its seventeenth digit, as in every program that
// reads the number as a double. Beyond this size whole numbers are lost, or almost all digits.
func roundsGently(double float64) bool {
	size := math.Abs(double)
	return size < 1<<53 && size >= 0x1p-1022
}

// parseDecimal parses a well-formed JSON number. It fails only if the exponent has more than 60 bits, because the number of
// digits could not be added to such an exponent.
func parseDecimal(token string) (d decimal, ok bool) {
	mantissa, exponent := token, ""
	if i := strings.IndexAny(token, "eE"); i >= 0 {
		mantissa, exponent = token[:i], token[i+1:]
	}
	mantissa, d.negative = strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	d.digits = strings.TrimRight(digits, "0")
	if d.digits == "" {
		return decimal{}, true
	}
	if exponent == "" {
		exponent = "0"
	}
	var err error
	if d.exponent, err = strconv.ParseInt(exponent, 10, 60); err != nil {
		return decimal{}, false
	}
	d.exponent += int64(len(digits)-len(d.digits)) - int64(len(fraction))
	return d, true
}
