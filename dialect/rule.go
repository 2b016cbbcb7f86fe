package dialect

import "fmt"

// Rule says what a column takes when the row is already there.
type Rule int

// The rules. See package upsert for what each promises.
const (
	Replace   Rule = iota // the new value
	Key                   // part of the conflict target; never assigned
	Keep                  // the stored value
	Fill                  // the new value only where the stored one is NULL
	Coalesce              // the new value unless it is NULL
	Max                   // the greater; NULL loses
	Min                   // the lesser; NULL loses
	Or                    // a flag that only turns on; NULL loses
	And                   // a flag that only turns off; NULL loses
	Merge                 // JSON Merge Patch (RFC 7396) of the new onto the stored
	Version               // the row's version: a row that is not newer changes nothing
	Touch                 // the new value, but only if another column changed
	Add                   // stored + new; not repeat-safe
	Generated             // never written, read back
)

var ruleNames = [...]string{
	"replace", "key", "keep", "fill", "coalesce", "max", "min", "or", "and", "merge", "version", "touch", "add", "generated",
}

// String returns the rule's word in a struct tag.
func (r Rule) String() string {
	if r < 0 || int(r) >= len(ruleNames) {
		return fmt.Sprintf("Rule(%d)", int(r))
	}
	return ruleNames[r]
}

// Rules returns the words of all rules, in the order of their constants: Rules()[r] is r.String().
func Rules() []string { return append([]string(nil), ruleNames[:]...) }

// Kind is what a column's Go values are, as far as comparing two of them goes.
type Kind int

const (
	// KindAny: nothing is known; compared by text or bytes, so that no collation makes two values one.
	KindAny Kind = iota
	// KindPlain: times: the database's own comparison.
	KindPlain
	// KindNumber: numbers and booleans: the same.
	KindNumber
	// KindText: strings; compared byte by byte.
	KindText
	// KindBytes: byte strings.
	KindBytes
	// KindJSON: json.RawMessage; compared as JSON where the database can.
	KindJSON
	// KindOrdinal: MySQL's ENUM and SET, which are ordered by position (hazard H27).
	KindOrdinal
	// kindImage is a column of a type whose text depends on the session's settings, or which has no equality of its own: compared
	// by the bytes that are stored.
	kindImage
	// kindMerged is a column of rule Merge, whatever its Go type, beside what merging makes of it.
	kindMerged
)
