package upsert

import (
	"fmt"
	"strings"

	"github.com/goupsert/upsert/internal/write"
)

// Outcome is what happened to a row.
type Outcome int

const (
	// Unknown: the database does not tell an insert from an update here. Unknown is the outcome of
	//
	//   - a row that [Table.Put] has written on a partitioned table or a view of PostgreSQL before 18, or on CockroachDB,
	//     YugabyteDB, TiDB and Vitess;
	//   - a row of PostgreSQL that a trigger skipped or a policy hides (hazard P42);
	//   - a row of a batch that a trigger of SQLite ignores (hazard S21);
	//   - a row that a trigger of MySQL hides from a handle which may change connections (hazard H23);
	//   - every row of a batch without [Outcomes].
	Unknown Outcome = iota
	// Inserted: the row was not there.
	Inserted
	// Updated: the row was there and was changed.
	Updated
	// Unchanged: the row was there and the rules left every column as before. Nothing was written.
	Unchanged
	// Stale: the row was there with a newer version, or with the same version and different content. Nothing was written.
	Stale
)

var _ = [1]bool{}[int(Stale)-int(write.Stale)] // the two packages number the outcomes alike

// String returns the outcome in lower case.
func (o Outcome) String() string {
	switch o {
	case Unknown:
		return "unknown"
	case Inserted:
		return "inserted"
	case Updated:
		return "updated"
	case Unchanged:
		return "unchanged"
	case Stale:
		return "stale"
	}
	return fmt.Sprintf("Outcome(%d)", int(o))
}

// Result counts the outcomes of a batch's rows. If a row is in the batch twice, the row is counted twice, as if the rows had been
// sent one by one.
type Result struct {
	Inserted, Updated, Unchanged, Stale, Unknown int64
}

// Rows is the number of rows counted.
func (r Result) Rows() int64 { return r.Inserted + r.Updated + r.Unchanged + r.Stale + r.Unknown }

// String returns the counts that are not zero, for example "2 inserted, 1 unchanged", or "no rows". If no outcome is known, as
// without [Outcomes], String returns the number of rows, for example "3 rows".
func (r Result) String() string {
	switch {
	case r.Unknown != r.Rows() || r.Unknown == 0:
	case r.Unknown == 1:
		return "1 row"
	default:
		return fmt.Sprintf("%d rows", r.Unknown)
	}
	var parts []string
	for _, c := range []struct {
		n int64
		o Outcome
	}{{r.Inserted, Inserted}, {r.Updated, Updated}, {r.Unchanged, Unchanged}, {r.Stale, Stale}, {r.Unknown, Unknown}} {
		if c.n != 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.o))
		}
	}
	if len(parts) == 0 {
		return "no rows"
	}
	return strings.Join(parts, ", ")
}

func (r *Result) add(s Result) {
	r.Inserted += s.Inserted
	r.Updated += s.Updated
	r.Unchanged += s.Unchanged
	r.Stale += s.Stale
	r.Unknown += s.Unknown
}
