package httpkeys

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/goupsert/upsert/keys"
)

// record is a stored response.
type record struct {
	status  int
	header  http.Header
	body    []byte
	omitted bool // the response was too large, so its body is not stored
}

// IsBounded: MaxResponse bounds a record, and not the store's MaxResult.
func (*record) IsBounded() {}

// equals reports whether two records are stored in the same form.
func (r *record) equals(other *record) bool { return bytes.Equal(r.encode(), other.encode()) }

// The stored form is text: the status, a line for each value of a header, an empty line, and the body. A header that is set to
// no value has a line without a colon.
//
//	1 201
//	Content-Type: application/json
//
//	{"id":7}
const (
	version        = "1 "
	omittedVersion = "1- " // the body is not stored
)

func (r *record) encode() []byte {
	var b bytes.Buffer
	b.Grow(len(r.body) + 256)
	b.WriteString(map[bool]string{false: version, true: omittedVersion}[r.omitted])
	b.WriteString(strconv.Itoa(r.status))
	b.WriteByte('\n')
	for _, name := range slices.Sorted(maps.Keys(r.header)) {
		if len(r.header[name]) == 0 {
			b.WriteString(name + "\n")
		}
		for _, v := range r.header[name] {
			b.WriteString(name + ": " + v + "\n")
		}
	}
	b.WriteByte('\n')
	b.Write(r.body)
	return b.Bytes()
}

var errNotRecord = errors.New("httpkeys: the stored response cannot be read")

// decodeRecord is the inverse of encode. The record does not keep data.
func decodeRecord(data []byte) (*record, error) {
	head, body, ok := bytes.Cut(data, []byte("\n\n"))
	if !ok {
		return nil, fmt.Errorf("%w: its header does not end", errNotRecord)
	}
	lines := strings.Split(string(head), "\n")
	r := &record{header: http.Header{}, body: bytes.Clone(body)}
	status, ok := strings.CutPrefix(lines[0], version)
	if !ok {
		status, r.omitted = strings.CutPrefix(lines[0], omittedVersion)
	}
	var err error
	if r.status, err = strconv.Atoi(status); err != nil || r.status < 200 || r.status > 999 {
		return nil, fmt.Errorf("%w: its first line is %q: a newer version of this package may have written it", errNotRecord, lines[0])
	}
	for _, line := range lines[1:] {
		name, value, hasValue := strings.Cut(line, ": ")
		switch {
		case name == "" || name != http.CanonicalHeaderKey(name) || !hasValue && r.header[name] != nil:
			return nil, fmt.Errorf("%w: a line of its header is %q", errNotRecord, line)
		case hasValue:
			r.header[name] = append(r.header[name], value)
		default:
			r.header[name] = []string{}
		}
	}
	return r, nil
}

// codec stores records.
type codec struct{}

var _ keys.Codec = codec{}

func (codec) Name() string { return "http/1" }

func (codec) Encode(v any) ([]byte, error) {
	r, ok := v.(*record)
	if !ok || r == nil {
		return nil, fmt.Errorf("httpkeys: a %T is not a response", v)
	}
	return r.encode(), nil
}

func (codec) Decode(data []byte, v any) (err error) {
	to, ok := v.(**record)
	if !ok {
		return fmt.Errorf("httpkeys: a %T is not a response", v)
	}
	*to, err = decodeRecord(data)
	return err
}
