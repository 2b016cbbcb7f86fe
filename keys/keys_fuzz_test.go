package keys_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/goupsert/upsert/keys"
	"github.com/gowebpki/jcs"
)

// FuzzCanonical checks each accepted text in several forms. The canonical form, the value that encoding/json reads, and the
// text without a member that does not exist must have the same fingerprint. Every accepted text must also be accepted by
// jcs.
func FuzzCanonical(f *testing.F) {
	for _, text := range []string{
		`{"a":[1,-0,1.50,1e21,{"b":null}],"\u00e9":"\ud83d\ude00"}`, `{"a":1,"a":2}`, `9007199254740993`, `"\ufffd"`, "\"\xff\"", `[1e400]`,
		` [ true , false ] `, `"\ud800"`, `0.000001`, `{"":{"":[]}}`, `{"\\":"\\ufffd"}`, `"\"\\ufffd\""`, `5e-324`, `{"a~/":{"0":[0]}}`,
	} {
		f.Add(text, "/a/0")
	}
	f.Fuzz(func(t *testing.T, text, omit string) {
		fp, err := keys.FingerprintOf(json.RawMessage(text))
		if err != nil {
			return
		}
		canonical, err := jcs.Transform([]byte(text))
		if err != nil {
			t.Fatalf("%q is accepted, but jcs says %v", text, err)
		}
		if got := hashOfCanonical(string(canonical)); got != fp.String() {
			t.Errorf("%q has the fingerprint %s, but its canonical form %q has %s", text, fp, canonical, got)
		}
		if again, err := keys.FingerprintOf(json.RawMessage(canonical)); again != fp || err != nil {
			t.Errorf("%q has the fingerprint %s, but its canonical form %q has %s, %v", text, fp, canonical, again, err)
		}
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatalf("%q is accepted, but encoding/json says %v", text, err)
		}
		if again, err := keys.FingerprintOf(v); again != fp {
			t.Errorf("%q has the fingerprint %s, but as %#v it has %s, %v", text, fp, v, again, err)
		}
		// The result of omitting a member does not depend on the spelling of the member.
		if less, err := keys.FingerprintOf(json.RawMessage(text), omit); err == nil && less != fp {
			if again, err := keys.FingerprintOf(json.RawMessage(canonical), omit); again != less || err != nil {
				t.Errorf("%q without %q has the fingerprint %s, but its canonical form has %s, %v", text, omit, less, again, err)
			}
		}
	})
}

type wirePart struct {
	kind byte
	text string
}

// partsOf derives parts from arbitrary bytes. Each part is read as a type, a length, and as many bytes.
func partsOf(data []byte) (parts []wirePart, natural []any) {
	for len(data) > 1 {
		kind, size := "bisxt"[data[0]%5], min(int(data[1])%20, len(data)-2)
		text := string(data[2 : 2+size])
		data = data[2+size:]
		switch kind {
		case 'b':
			v := size%2 == 0
			parts, natural = append(parts, wirePart{kind, strconv.FormatBool(v)}), append(natural, v)
		case 'i':
			v := int64(binary.LittleEndian.Uint64(append([]byte(text), make([]byte, 8)...)))
			parts, natural = append(parts, wirePart{kind, strconv.FormatInt(v, 10)}), append(natural, v)
		case 's':
			parts, natural = append(parts, wirePart{kind, text}), append(natural, text)
		case 'x':
			parts, natural = append(parts, wirePart{kind, text}), append(natural, []byte(text))
		case 't':
			b := append([]byte(text), make([]byte, 8)...)
			v := time.Unix(int64(int32(binary.LittleEndian.Uint32(b))), int64(binary.LittleEndian.Uint32(b[4:])%1e9)).UTC()
			wire := binary.BigEndian.AppendUint64(nil, uint64(v.Unix()))
			wire = binary.BigEndian.AppendUint32(wire, uint32(v.Nanosecond()))
			parts, natural = append(parts, wirePart{kind, string(wire)}), append(natural, v)
		}
	}
	return parts, natural
}

// writeParts is a second implementation of the encoding that Derive hashes. readParts is its inverse.
func writeParts(parts []wirePart) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p.kind)
		b = binary.BigEndian.AppendUint64(b, uint64(len(p.text)))
		b = append(b, p.text...)
	}
	return b
}

func readParts(b []byte) (parts []wirePart) {
	for len(b) > 0 {
		size := binary.BigEndian.Uint64(b[1:])
		parts = append(parts, wirePart{b[0], string(b[9 : 9+size])})
		b = b[9+size:]
	}
	return parts
}

// FuzzDerive checks that a key is the hash of a reversible encoding, so that two different lists of parts never have the
// same encoding.
func FuzzDerive(f *testing.F) {
	f.Add([]byte("\x02\x02ab\x02\x01c"), []byte("\x02\x01a\x02\x02bc"))
	f.Add([]byte("\x01\x011"), []byte("\x02\x011"))
	f.Add([]byte("\x04\x08abcdefgh\x00\x00"), []byte("\x03\x08abcdefgh\x00\x01x"))
	f.Fuzz(func(t *testing.T, one, other []byte) {
		var ids [2]string
		var lists [2][]wirePart
		for i, data := range [][]byte{one, other} {
			parts, natural := partsOf(data)
			if len(parts) == 0 {
				return
			}
			text := writeParts(parts)
			if back := readParts(text); !reflect.DeepEqual(back, parts) {
				t.Fatalf("%q is written %q and read back as %q", parts, text, back)
			}
			sum := sha256.Sum256(append([]byte("github.com/goupsert/upsert/keys derive 1\x00"), text...))
			k, err := keys.Derive("s", "o", natural...)
			if want := "d1." + hex.EncodeToString(sum[:]); k.ID != want || err != nil {
				t.Fatalf("%#v makes the key %s, %v, want %s", natural, k.ID, err, want)
			}
			ids[i], lists[i] = k.ID, parts
		}
		if (ids[0] == ids[1]) != reflect.DeepEqual(lists[0], lists[1]) {
			t.Errorf("%q and %q make the keys %s and %s", lists[0], lists[1], ids[0], ids[1])
		}
	})
}
