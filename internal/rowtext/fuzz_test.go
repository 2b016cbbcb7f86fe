package rowtext_test

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/rowtext"
	"github.com/lib/pq"
)

func addTexts(f *testing.F) {
	f.Helper()
	for _, seed := range []string{
		"", "a", "NULL", `\N`, `\.`, "{}", `"`, `\`, `\\`, `a\`, "\t", "\n", "\r\n", ",", " ", "\x00", "\b\f\v\x1a", "é表😀", "\xff\xe2", `\x41`, `\101`, "a,b", "null",
	} {
		f.Add(seed, []byte(seed+seed), int64(len(seed)), float64(len(seed))/3)
	}
	f.Add("-0", []byte(nil), int64(math.MinInt64), math.Copysign(0, -1))
	f.Add("big", []byte{0, 255}, int64(math.MaxInt64), math.MaxFloat64)
	f.Add("small", []byte(`\`), int64(-1), math.SmallestNonzeroFloat64)
	f.Add("far", []byte("\t"), int64(1), math.Inf(-1))
}

// row writes a value of each method with something between them. It returns what is to be read, but for the float, which has
// the last place.
func row(w *rowtext.Writer, between byte, s string, raw []byte, n int64, v float64) (want []string) {
	w.Text(s)
	w.Buf = append(w.Buf, between)
	w.Null()
	w.Buf = append(w.Buf, between)
	w.RawText(raw)
	w.Buf = append(w.Buf, between)
	w.Bytes(raw)
	w.Buf = append(w.Buf, between)
	w.Int(n)
	w.Buf = append(w.Buf, between)
	w.Uint(uint64(n))
	w.Buf = append(w.Buf, between)
	w.Float(v)
	return []string{s, null, string(raw), string(raw), strconv.FormatInt(n, 10), strconv.FormatUint(uint64(n), 10)}
}

// reads fails the test if the value that was read is not the value that was written.
func reads(t *testing.T, written string, have, want []string, v float64) {
	t.Helper()
	last := len(want)
	if len(have) != last+1 || !slices.Equal(have[:last], want) {
		t.Fatalf("%q is read as %q, want %q", written, have, want)
	}
	if got, err := strconv.ParseFloat(have[last], 64); err != nil || !sameFloat(got, v) {
		t.Fatalf("%q: the float is read as %v, %v, want %v", written, got, err, v)
	}
}

// sameFloat tells zeros apart, and takes one NaN for another.
func sameFloat(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || math.IsNaN(a) && math.IsNaN(b)
}

// FuzzArrayText: two parsers of PostgreSQL's arrays, one of them lib/pq's, read from the text what was written.
func FuzzArrayText(f *testing.F) {
	addTexts(f)
	f.Fuzz(func(t *testing.T, s string, raw []byte, n int64, v float64) {
		w := rowtext.New(rowtext.Array)
		w.Buf = append(w.Buf, '{')
		want := row(w, ',', s, raw, n, v)
		w.Buf = append(w.Buf, ',')
		w.Hex, w.HexText = true, true
		w.Bytes(raw)
		w.Buf = append(w.Buf, '}')
		have, err := readArray(string(w.Buf))
		if err != nil {
			t.Fatal(err)
		}
		last := len(have) - 1
		if have[last] != `\x`+hex.EncodeToString(raw) {
			t.Fatalf("%q: the bytes are read as %q, want %x", w.Buf, have[last], raw)
		}
		reads(t, string(w.Buf), have[:last], want, v)
		var theirs []sql.NullString
		if err := pq.Array(&theirs).Scan(w.Buf); err != nil || len(theirs) != len(have) {
			t.Fatalf("lib/pq reads %q as %v, %v", w.Buf, theirs, err)
		}
		for i, got := range theirs {
			if got.Valid != (i != 1) || got.Valid && got.String != have[i] {
				t.Errorf("lib/pq reads element %d of %q as %v, want %q", i, w.Buf, got, have[i])
			}
		}
	})
}

// FuzzCopyLine: a line of COPY is one line, and means what was written.
func FuzzCopyLine(f *testing.F) {
	addTexts(f)
	f.Fuzz(func(t *testing.T, s string, raw []byte, n int64, v float64) {
		w := rowtext.New(rowtext.Copy)
		want := row(w, '\t', s, raw, n, v)
		have, err := readCopy(string(w.Buf))
		if err != nil {
			t.Fatal(err)
		}
		reads(t, string(w.Buf), have, want, v)
		alone := rowtext.New(rowtext.Copy) // if the whole line is one value, the value must be no mark
		alone.Text(s)
		if have, err := readCopy(string(alone.Buf)); err != nil || len(have) != 1 || have[0] != s {
			t.Fatalf("%q alone is read as %q, %v", alone.Buf, have, err)
		}
		bytes := rowtext.New(rowtext.Copy)
		bytes.Hex, bytes.HexText = true, true
		bytes.Bytes(raw)
		if have, err := readCopy(string(bytes.Buf)); err != nil || len(have) != 1 || have[0] != `\x`+hex.EncodeToString(raw) {
			t.Fatalf("the bytes %q are read as %q, %v, want %x", bytes.Buf, have, err, raw)
		}
	})
}

// FuzzLoadLine: a line of LOAD DATA is one line, and means what was written.
func FuzzLoadLine(f *testing.F) {
	addTexts(f)
	f.Fuzz(func(t *testing.T, s string, raw []byte, n int64, v float64) {
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return // TestTexts has them
		}
		w := rowtext.New(rowtext.Load)
		want := row(w, '\t', s, raw, n, v)
		have, err := readLoad(string(w.Buf))
		if err != nil {
			t.Fatal(err)
		}
		reads(t, string(w.Buf), have, want, v)
	})
}

// FuzzTime: each text of a time is the same instant, cut to microseconds.
func FuzzTime(f *testing.F) {
	for _, c := range timedCases() {
		_, offset := c.at.Zone()
		f.Add(c.at.Unix(), int64(c.at.Nanosecond()), offset)
	}
	f.Fuzz(func(t *testing.T, seconds, nano int64, offset int) {
		const farthest = 290000 * 365 * 24 * 3600 // what a server keeps is nearer
		at := time.Unix(seconds%farthest, nano%1e9).In(time.FixedZone("", offset%(16*3600)))
		want := at.Truncate(time.Microsecond)
		if d := at.Sub(want); d < 0 || d >= time.Microsecond {
			t.Fatalf("Truncate makes %v of %v", want, at)
		}
		texts := map[rowtext.Style]string{}
		for _, s := range styles {
			w := rowtext.New(s)
			w.Time(at)
			if w.Err != nil && (s != rowtext.Load || at.UTC().Year() >= 0 && at.UTC().Year() <= 9999) {
				t.Fatalf("style %s of %v: %v", styleName(s), at, w.Err)
			}
			texts[s] = string(w.Buf)
			if s == rowtext.Load && w.Err != nil || s == rowtext.Load && at.IsZero() {
				continue
			}
			text := strings.Trim(texts[s], `"`)
			if s == rowtext.Load {
				text += "Z"
			}
			if got, err := readTime(text); err != nil || !got.Equal(want) {
				t.Errorf("style %s: %q is %v, %v, want %v", styleName(s), texts[s], got, err, want)
			}
		}
		if texts[rowtext.Array] != `"`+texts[rowtext.Copy]+`"` {
			t.Errorf("an array has %s, COPY %s", texts[rowtext.Array], texts[rowtext.Copy])
		}
	})
}

// readTime reads a time of any year. Of four hundred years each begins as one of the others does.
func readTime(text string) (time.Time, error) {
	text, bc := strings.CutSuffix(text, " BC")
	digits, rest, _ := strings.Cut(text, "-")
	year, err := strconv.Atoi(digits)
	if err != nil {
		return time.Time{}, err
	}
	if bc {
		year = 1 - year
	}
	const cycle, daysOfCycle = 400, 146097
	like := 2000 + (year%cycle+cycle)%cycle
	clock, offset, err := readZone(rest)
	if err != nil {
		return time.Time{}, err
	}
	near, err := time.Parse(time.DateTime, strconv.Itoa(like)+"-"+clock)
	if err != nil {
		return time.Time{}, err
	}
	return time.Unix(near.Unix()-offset+int64((year-like)/cycle)*daysOfCycle*24*3600, int64(near.Nanosecond())), nil
}

// readZone takes the zone, in seconds east of UTC, off a time's end. time.Parse takes a second west of it for none.
func readZone(text string) (before string, seconds int64, err error) {
	if before, ok := strings.CutSuffix(text, "Z"); ok {
		return before, 0, nil
	}
	at := strings.LastIndexAny(text, "+-")
	if at < len("01-02 15:04:05") {
		return "", 0, fmt.Errorf("no zone at the end of %q", text)
	}
	unit := int64(3600)
	for part := range strings.SplitSeq(text[at+1:], ":") {
		n, err := strconv.Atoi(part)
		if err != nil || len(part) != 2 || unit == 0 {
			return "", 0, fmt.Errorf("no zone at the end of %q", text)
		}
		seconds += int64(n) * unit
		unit /= 60
	}
	if text[at] == '-' {
		seconds = -seconds
	}
	return text[:at], seconds, nil
}
