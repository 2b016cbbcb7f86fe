package importer

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/words"
)

// report says what happened, in one line.
func report(out io.Writer, file string, r upsert.Result, rejected int64, took time.Duration) {
	rows := r.Inserted + r.Updated + r.Unchanged + r.Stale + r.Unknown + rejected
	fmt.Fprintf(out, "%s: %s: %s inserted, %s updated, %s unchanged, %s stale", filepath.Base(file), words.Count(int(rows), "row"),
		words.Number(r.Inserted), words.Number(r.Updated), words.Number(r.Unchanged), words.Number(r.Stale))
	if r.Unknown > 0 {
		fmt.Fprintf(out, ", %s unknown", words.Number(r.Unknown))
	}
	if rejected > 0 {
		fmt.Fprintf(out, ", %s rejected", words.Number(rejected))
	}
	fmt.Fprintf(out, " in %s (%s)\n", words.Short(took), perSecond(rows, took))
}

// perSecond is a rate in three digits: the rest of them is noise.
func perSecond(rows int64, took time.Duration) string {
	rate, unit := int64(float64(rows)/max(took, time.Millisecond).Seconds()), int64(1)
	for rate/unit >= 1000 {
		unit *= 10
	}
	return words.Number((rate+unit/2)/unit*unit) + " rows/s"
}

func quote(s string) string { return strconv.Quote(s) }
