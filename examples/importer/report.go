package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/goupsert/upsert"
)

// report says what happened, in one line.
func report(out io.Writer, file string, r upsert.Result, took time.Duration) {
	rows := r.Inserted + r.Updated + r.Unchanged + r.Stale + r.Unknown
	fmt.Fprintf(out, "%s: %s: %s inserted, %s updated, %s unchanged, %s stale", filepath.Base(file), count(int(rows), "row"),
		number(r.Inserted), number(r.Updated), number(r.Unchanged), number(r.Stale))
	if r.Unknown > 0 {
		fmt.Fprintf(out, ", %s unknown", number(r.Unknown))
	}
	fmt.Fprintf(out, " in %s (%s)\n", short(took), perSecond(rows, took))
}

// short rounds a duration to what a person reads of it.
func short(d time.Duration) time.Duration {
	if d >= time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return max(d.Round(time.Millisecond), time.Millisecond)
}

// perSecond is a rate in three digits: the rest of them is noise.
func perSecond(rows int64, took time.Duration) string {
	rate, unit := int64(float64(rows)/max(took, time.Millisecond).Seconds()), int64(1)
	for rate/unit >= 1000 {
		unit *= 10
	}
	return number((rate+unit/2)/unit*unit) + " rows/s"
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return number(int64(n)) + " " + noun + "s"
}

// number writes a number that is not negative with its thousands apart.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	var b strings.Builder
	for i, digit := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(digit)
	}
	return b.String()
}

func quote(s string) string { return strconv.Quote(s) }
