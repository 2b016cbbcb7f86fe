package upsert

import (
	"slices"

	"github.com/goupsert/upsert/dialect"
)

// Rule says what a column takes if the row is already there. In a struct, the rule is a word of the upsert tag. For a map,
// [Column] gives each column its rule.
type Rule = dialect.Rule

// The rules. The package documentation lists what each rule promises, and what NULL does.
const (
	Replace   = dialect.Replace   // the new value (the rule of a column without one)
	Key       = dialect.Key       // part of the conflict target; never assigned
	Keep      = dialect.Keep      // the stored value: written by an insert only
	Fill      = dialect.Fill      // the new value only if the stored value is NULL
	Coalesce  = dialect.Coalesce  // the new value unless the new value is NULL
	Max       = dialect.Max       // the greater value, as the column's type and collation order values
	Min       = dialect.Min       // the lesser value
	Or        = dialect.Or        // a flag that only turns on
	And       = dialect.And       // a flag that only turns off
	Merge     = dialect.Merge     // JSON Merge Patch (RFC 7396) of the new value onto the stored value
	Version   = dialect.Version   // the row's version: a row that is not newer changes nothing
	Touch     = dialect.Touch     // the new value, but only if another column changed
	Add       = dialect.Add       // stored + new; not repeat-safe, so Add needs a [Claim]
	Generated = dialect.Generated // never written, read back
)

// Guarantee is what a table promises about writes that are repeated or arrive in another order. The promise covers all columns
// except columns of rule Touch, which tell when a row was changed. If one row is repeated, a Touch column stays the same too. If
// a whole history of rows is repeated or reordered, another row of the history may be the last row that changes something, and a
// Touch column can differ.
type Guarantee uint8

const (
	// RepeatSafe: applying a row, or the last rows of a history, again leaves the same row as applying them once.
	RepeatSafe Guarantee = 1 << iota
	// OrderFree: any order of arrival leaves the same row, so a late retry cannot undo a newer write. If the table has a Version
	// column, this assumes that two different rows never carry the same key and version. For Max or Min on text, this assumes
	// that the collation takes no two different texts for equal.
	OrderFree
)

// RepeatSafe reports whether g includes the promise RepeatSafe.
func (g Guarantee) RepeatSafe() bool { return g&RepeatSafe != 0 }

// OrderFree reports whether g includes the promise OrderFree.
func (g Guarantee) OrderFree() bool { return g&OrderFree != 0 }

// String returns "repeat-safe, order-free", or the part that holds, or "none".
func (g Guarantee) String() string {
	switch g {
	case RepeatSafe | OrderFree:
		return "repeat-safe, order-free"
	case RepeatSafe:
		return "repeat-safe"
	case OrderFree:
		return "order-free"
	}
	return "none"
}

// guaranteeOf returns the weakest promise among the columns. A version makes replaced columns order-free and accumulating columns
// not order-free, because nothing of a late row is applied, not even a greater maximum. With a partial index there is no promise,
// because a row that is outside of the index is inserted each time.
func guaranteeOf(cols []dialect.Column, target dialect.Target, omitsZero []bool) Guarantee {
	if target.Where != "" {
		return 0
	}
	g := RepeatSafe | OrderFree
	versioned := false
	for _, c := range cols {
		versioned = versioned || c.Rule == Version
	}
	for i, c := range cols {
		free := c.Rule.OrderFree(versioned)
		if c.Rule == Key { // a key column of another target acts like a column of rule Keep
			free = slices.Contains(target.Columns, c.Name)
		}
		if !c.Rule.RepeatSafe() {
			g &^= RepeatSafe
		}
		if !free || omitsZero[i] {
			g &^= OrderFree
		}
	}
	return g
}
