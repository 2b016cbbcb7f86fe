package dialect

import "strings"

// Kind says what a column's Go values are, as far as comparing two of them is concerned. For builders of dialects.
type Kind int

const (
	// KindAny: nothing is known. Values are compared by text or bytes, so that no collation makes two values equal.
	KindAny Kind = iota
	// KindPlain: times, compared by the database's own comparison.
	KindPlain
	// KindNumber: numbers and booleans, compared in the same way.
	KindNumber
	// KindText: strings, compared byte by byte.
	KindText
	// KindBytes: byte strings.
	KindBytes
	// KindJSON: json.RawMessage, compared as JSON if the database can.
	KindJSON
	// KindOrdinal: MySQL's ENUM and SET, which are ordered by position (hazard H27).
	KindOrdinal
	// KindExact: values that the stored column takes for equal are the same, as its catalog says, so the column's own comparison
	// decides. It stands for another kind where Upsert.Plain is set (see Dialect.IsExact).
	KindExact
	// kindImage is a column whose type has no equality of its own, or has a text that depends on the session's settings. Values
	// are compared by the stored bytes.
	kindImage
	// kindMerged is a column of rule Merge, whatever its Go type, compared with the merged value.
	kindMerged
)

// GoKind is the kind of Go value that a column has, as far as rules need to know. Several kinds are a set: GoText|GoBytes. For
// builders of dialects.
type GoKind uint

// GoOpaque and the other kinds of Go values.
const (
	GoOpaque GoKind = 1 << iota // a Valuer, or anything else that only the driver knows
	GoBool
	GoNumber
	GoText
	GoBytes
	GoJSON // json.RawMessage
	GoTime
	GoList // slices, arrays, maps: columns for drivers that know them

	anyGoKind = GoList<<1 - 1
)

var goKindNames = [...]string{"value of unknown kind", "boolean", "number", "string", "byte string", "JSON document", "time", "list or map"}

// String returns the kind's name, or the names of all kinds of a set.
func (k GoKind) String() string {
	var names []string
	for i, name := range goKindNames {
		if k&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " or ")
}
