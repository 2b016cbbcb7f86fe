package keys

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// ulidEpoch is the time since which ULIDs exist, in milliseconds since 1970. If 26 characters name an earlier time, as a number
// padded with zeros does, they are no ULID.
const ulidEpoch = 1451606400000 // 2016-01-01

// keyTime returns the time that an ID carries, in milliseconds since 1970, if the ID is a UUIDv7 in its usual form (RFC 9562,
// section 5.7) or a ULID. For any other ID keyTime returns 0.
func keyTime(id string) int64 {
	switch len(id) {
	case 36:
		return uuidTime(id)
	case 26:
		return ulidTime(id)
	}
	return 0
}

func uuidTime(id string) int64 {
	if id[8] != '-' || id[13] != '-' || id[18] != '-' || id[23] != '-' || id[14] != '7' {
		return 0
	}
	b, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil || len(b) != 16 || b[8]&0xC0 != 0x80 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b) >> 16)
}

func ulidTime(id string) int64 {
	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ" // Crockford's base 32
	if id[0] > '7' {
		return 0
	}
	var ms int64
	for i := range len(id) {
		c := id[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		v := strings.IndexByte(digits, c)
		if v < 0 {
			return 0
		}
		if i < 10 {
			ms = ms<<5 | int64(v)
		}
	}
	if ms < ulidEpoch {
		return 0
	}
	return ms
}
