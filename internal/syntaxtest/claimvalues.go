package syntaxtest

import (
	"time"

	"github.com/goupsert/upsert/internal/claimsql"
)

// ClaimValues are what the statements of package keys carry.
type ClaimValues struct {
	Row      claimsql.Row
	Consumer string
	Marks    []claimsql.Mark // at least one
	Result   []byte          // nil: none
	Codec    string
	// Setting is what the server has said of its limit to waiting: any text on PostgreSQL, a number elsewhere.
	Setting string
}

// ExampleClaim returns the values that the golden files show: bytes that count up, so that their order is seen.
func ExampleClaim() ClaimValues {
	row := claimsql.Row{
		Scope: "shop", Op: "pay", ID: "7'; --", FingerprintVersion: 1, Fingerprint: upFrom(0xd0, 32), Retain: 72 * time.Hour,
	}
	copy(row.Hash[:], upFrom(0x00, claimsql.HashSize))
	copy(row.Owner[:], upFrom(0xa0, claimsql.OwnerSize))
	marks := []claimsql.Mark{{ID: "m1"}, {ID: `\'m2`}}
	copy(marks[0].Hash[:], upFrom(0x20, claimsql.HashSize))
	copy(marks[1].Hash[:], upFrom(0x40, claimsql.HashSize))
	return ClaimValues{Row: row, Consumer: "mailer", Marks: marks, Result: []byte(`{"ok":true}`), Codec: "json", Setting: "5000"}
}

func upFrom(from byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = from + byte(i)
	}
	return b
}
