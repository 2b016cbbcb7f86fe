package upsert

import (
	"slices"

	"github.com/goupsert/upsert/dialect"
)

// Rule says what a column takes when the row is already there. In a struct it is a word of the upsert tag; the columns of
// a map are given theirs by [Column].
type Rule = dialect.Rule

// The rules. NULL loses against any value in Max, Min, Or, And and Add. See the package documentation for what each
// promises.
const (
	Replace   = dialect.Replace   // the new value (the rule of a column without one)
	Key       = dialect.Key       // part of the conflict target; never assigned
	Keep      = dialect.Keep      // the stored value: written by an insert only
	Fill      = dialect.Fill      // the new value only where the stored one is NULL
	Coalesce  = dialect.Coalesce  // the new value unless it is NULL
	Max       = dialect.Max       // the greater, as the column's type and collation order them
	Min       = dialect.Min       // the lesser
	Or        = dialect.Or        // a flag that only turns on
	And       = dialect.And       // a flag that only turns off
	Merge     = dialect.Merge     // JSON Merge Patch (RFC 7396) of the new onto the stored
	Version   = dialect.Version   // the row's version: a row that is not newer changes nothing
	Touch     = dialect.Touch     // the new value, but only if another column changed
	Add       = dialect.Add       // stored + new; not repeat-safe, so it needs a [Claim]
	Generated = dialect.Generated // never written, read back
)

// Guarantee is what a table promises of writes that are repeated or arrive in another order. It speaks of all columns but
// those of rule Touch, which tell when a row was changed: repeating one row leaves them too, but when a whole history is
// repeated or reordered, another of its rows may be the one that makes the last change.
type Guarantee uint8

const (
	// RepeatSafe: applying a row, or the last rows of a history, again leaves what applying them once leaves.
	RepeatSafe Guarantee = 1 << iota
	// OrderFree: any order of arrival leaves the same row, so a late retry cannot undo a newer write. With a Version
	// column it presumes that two different rows never carry the same key and version, and with Max or Min on text that
	// the collation has no two texts that are equal.
	OrderFree
)

// RepeatSafe reports whether g promises it.
func (g Guarantee) RepeatSafe() bool { return g&RepeatSafe != 0 }

// OrderFree reports whether g promises it.
func (g Guarantee) OrderFree() bool { return g&OrderFree != 0 }

// String returns "repeat-safe, order-free" or the part of it that holds, or "none".
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

// guaranteeOf is the weakest of the columns'. A version makes the replaced columns order-free and the accumulating ones
// not: of a late row nothing is applied, not even a greater maximum. With a partial index there is none, because a row that is
// outside of the index is inserted each time.
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
		free := false
		switch c.Rule {
		case Key: // of another target it is as one of rule Keep
			free = slices.Contains(target.Columns, c.Name)
		case Version, Touch:
			free = true
		case Replace:
			free = versioned
		case Max, Min, Or, And, Add:
			free = !versioned
		}
		if c.Rule == Add {
			g &^= RepeatSafe
		}
		if !free || omitsZero[i] {
			g &^= OrderFree
		}
	}
	return g
}
