package write

// Outcome is what happened to a row. The package upsert documents the values.
type Outcome int

// The outcomes.
const (
	Unknown Outcome = iota
	Inserted
	Updated
	Unchanged
	Stale
)

// Counts counts rows by outcome.
type Counts struct {
	Inserted, Updated, Unchanged, Stale, Unknown int64
}

// Add counts n rows.
func (c *Counts) Add(o Outcome, n int) {
	switch o {
	case Inserted:
		c.Inserted += int64(n)
	case Updated:
		c.Updated += int64(n)
	case Unchanged:
		c.Unchanged += int64(n)
	case Stale:
		c.Stale += int64(n)
	default:
		c.Unknown += int64(n)
	}
}
