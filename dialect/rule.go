package dialect

import "fmt"

// Rule says which value a column takes if the row is already stored.
type Rule int

// Replace and the other rules. See package upsert for what each promises.
const (
	Replace   Rule = iota // the new value
	Key                   // part of the conflict target; never assigned
	Keep                  // the stored value
	Fill                  // the new value only if the stored value is NULL
	Coalesce              // the new value unless it is NULL
	Max                   // the greater value; NULL loses
	Min                   // the lesser value; NULL loses
	Or                    // a flag that only turns on; NULL loses
	And                   // a flag that only turns off; NULL loses
	Merge                 // JSON Merge Patch (RFC 7396) of the new value onto the stored value
	Version               // the row's version: a row that is not newer changes nothing
	Touch                 // the new value, if another column changed; otherwise the stored value
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

// Kind says what a column's Go values are, as far as comparing two of them is concerned.
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
	// kindImage is a column whose type has no equality of its own, or has a text that depends on the session's settings. Values
	// are compared by the stored bytes.
	kindImage
	// kindMerged is a column of rule Merge, whatever its Go type, compared with the merged value.
	kindMerged
)
