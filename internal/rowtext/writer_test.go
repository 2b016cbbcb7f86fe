package rowtext_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/mapping"
	"github.com/goupsert/upsert/internal/rowtext"
)

var _ mapping.Encoder = (*rowtext.Writer)(nil)

var styles = []rowtext.Style{rowtext.Array, rowtext.Copy, rowtext.Load}

func styleName(s rowtext.Style) string { return [...]string{"Array", "Copy", "Load"}[s] }

// refused stands for the text of a value that has none.
const refused = "(refused)"

// written is a value and its text in each style, in their order.
type written struct {
	name  string
	write func(*rowtext.Writer)
	texts [3]string
}

func text(v string) func(*rowtext.Writer)   { return func(w *rowtext.Writer) { w.Text(v) } }
func float(v float64) func(*rowtext.Writer) { return func(w *rowtext.Writer) { w.Float(v) } }
func number(v int64) func(*rowtext.Writer)  { return func(w *rowtext.Writer) { w.Int(v) } }
func same(v string) [3]string               { return [3]string{v, v, v} }

// bytea writes bytes for a column of bytes.
func bytea(v string) func(*rowtext.Writer) {
	return func(w *rowtext.Writer) {
		w.Hex, w.HexText = true, true
		w.Bytes([]byte(v))
		w.Hex, w.HexText = false, false
	}
}

func numbers() []written {
	return []written{
		{"NULL", (*rowtext.Writer).Null, [3]string{"NULL", `\N`, `\N`}},
		{"Int 0", number(0), same("0")},
		{"Int -1", number(-1), same("-1")},
		{"least Int", number(math.MinInt64), same("-9223372036854775808")},
		{"greatest Int", number(math.MaxInt64), same("9223372036854775807")},
		{"least Uint", func(w *rowtext.Writer) { w.Uint(1 << 63) }, same("9223372036854775808")},
		{"greatest Uint", func(w *rowtext.Writer) { w.Uint(math.MaxUint64) }, same("18446744073709551615")},
		{"true", func(w *rowtext.Writer) { w.Bool(true) }, [3]string{"true", "true", "1"}},
		{"false", func(w *rowtext.Writer) { w.Bool(false) }, [3]string{"false", "false", "0"}},
		{"Float 0", float(0), same("0")},
		{"Float -0", float(math.Copysign(0, -1)), same("-0")},
		{"Float 1.5", float(1.5), same("1.5")},
		{"Float 0.1", float(0.1), same("0.1")},
		{"Float 1e21", float(1e21), [3]string{"1000000000000000000000", "1000000000000000000000", "1e21"}},
		{"Float -1e-7", float(-1e-7), [3]string{"-0.0000001", "-0.0000001", "-1e-07"}},
		{"greatest Float", float(math.MaxFloat64), [3]string{"17976931348623157" + strings.Repeat("0", 292), "17976931348623157" + strings.Repeat("0", 292), "1.7976931348623157e308"}},
		{"least Float", float(math.SmallestNonzeroFloat64), [3]string{"0." + strings.Repeat("0", 323) + "5", "0." + strings.Repeat("0", 323) + "5", "5e-324"}},
		{"Infinity", float(math.Inf(1)), [3]string{"+Inf", "+Inf", refused}},
		{"-Infinity", float(math.Inf(-1)), [3]string{"-Inf", "-Inf", refused}},
		{"NaN", float(math.NaN()), [3]string{"NaN", "NaN", refused}},
		{"Other", func(w *rowtext.Writer) { w.Other([]int{1}) }, same(refused)},
	}
}

func texts() []written {
	return []written{
		{"empty text", text(""), [3]string{`""`, "", ""}},
		{"a", text("a"), [3]string{`"a"`, "a", "a"}},
		{"a word for NULL", text("NULL"), [3]string{`"NULL"`, "NULL", "NULL"}},
		{"the mark of NULL", text(`\N`), [3]string{`"\\N"`, `\\N`, `\\N`}},
		{"the mark of the end", text(`\.`), [3]string{`"\\."`, `\\.`, `\\.`}},
		{"an array", text(`{"a",b c}`), [3]string{`"{\"a\",b c}"`, `{"a",b c}`, `{"a",b c}`}},
		{"quotes", text(`"'` + "`"), [3]string{`"\"'` + "`\"", `"'` + "`", `"'` + "`"}},
		{"backslashes", text(`\ \\ \"`), [3]string{`"\\ \\\\ \\\""`, `\\ \\\\ \\"`, `\\ \\\\ \\"`}},
		{"a backslash at the end", text(`a\`), [3]string{`"a\\"`, `a\\`, `a\\`}},
		{"separators", text("\ta\nb\rc"), [3]string{"\"\ta\nb\rc\"", `\ta\nb\rc`, `\ta\nb\rc`}},
		{"blanks", text("  "), [3]string{`"  "`, "  ", "  "}},
		{"other controls", text("\b\f\v\x01\x1a\x7f"), [3]string{"\"\b\f\v\x01\x1a\x7f\"", "\b\f\v\x01\x1a\x7f", "\b\f\v\x01\x1a\x7f"}},
		{"a NUL", text("a\x00b"), [3]string{"\"a\x00b\"", "a\x00b", `a\0b`}},
		{"letters of more bytes", text("é表😀\ufffd"), [3]string{`"é表😀` + "\ufffd\"", "é表😀\ufffd", "é表😀\ufffd"}},
		{"what is no UTF-8", text("\xff\xe2\x82"), [3]string{"\"\xff\xe2\x82\"", "\xff\xe2\x82", "\xff\xe2\x82"}},
		{"RawText", func(w *rowtext.Writer) { w.RawText([]byte(`{"a":"\t"}`)) }, [3]string{`"{\"a\":\"\\t\"}"`, `{"a":"\\t"}`, `{"a":"\\t"}`}},
		{"Bytes of text", func(w *rowtext.Writer) { w.Bytes([]byte("a\"\n")) }, [3]string{`"a\"` + "\n\"", `a"\n`, `a"\n`}},
		{"no Bytes", func(w *rowtext.Writer) { w.Bytes([]byte{}) }, [3]string{`""`, "", ""}},
		{"Bytes of bytea", bytea("\x00\"\\\t\xff"), [3]string{`"\\x00225c09ff"`, `\\x00225c09ff`, `00225c09ff`}},
		{"Text of bytea", func(w *rowtext.Writer) {
			w.Hex, w.HexText = true, true
			w.Text(`\xé`)
			w.Hex, w.HexText = false, false
		}, [3]string{`"\\x5c78c3a9"`, `\\x5c78c3a9`, `5c78c3a9`}},
		{"RawText of bytea", func(w *rowtext.Writer) {
			w.Hex, w.HexText = true, true
			w.RawText([]byte("[]"))
			w.Hex, w.HexText = false, false
		}, [3]string{`"\\x5b5d"`, `\\x5b5d`, `5b5d`}},
		{"no Bytes of bytea", bytea(""), [3]string{`"\\x"`, `\\x`, ""}},
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	for _, c := range append(numbers(), texts()...) {
		c.check(t)
	}
}

func (c *written) check(t *testing.T) {
	t.Helper()
	for _, s := range styles {
		w := rowtext.New(s)
		w.Buf = append(w.Buf, "before"...)
		c.write(w)
		want, got := "before"+c.texts[s], string(w.Buf)
		switch {
		case c.texts[s] == refused:
			if w.Err == nil || got != "before" {
				t.Errorf("%s in style %s: %q and error %v, want an error and nothing written", c.name, styleName(s), got, w.Err)
			}
		case w.Err != nil || got != want:
			t.Errorf("%s in style %s: %q and error %v, want %q", c.name, styleName(s), got, w.Err, want)
		}
	}
}

// TestOtherSaysWhatToDo: the type is in the error, and the error is one that a caller can tell.
func TestOtherSaysWhatToDo(t *testing.T) {
	t.Parallel()
	w := rowtext.New(rowtext.Array)
	w.Other([2]int{1, 2})
	var unknown *rowtext.UnknownError
	if !errors.As(w.Err, &unknown) || !strings.Contains(w.Err.Error(), "a [2]int has no text") || !strings.Contains(w.Err.Error(), "Via(Values)") {
		t.Errorf("Other: %v", w.Err)
	}
}

func TestMarkAndUndo(t *testing.T) {
	t.Parallel()
	w := rowtext.New(rowtext.Copy)
	w.Text("a")
	w.Mark()
	w.Text("b")
	w.Other(w)
	w.Undo()
	if string(w.Buf) != "a" || w.Err != nil {
		t.Errorf("after Undo: %q, error %v, want what was there at Mark", w.Buf, w.Err)
	}
	w.Other(w)
	w.Reset()
	if len(w.Buf) != 0 || cap(w.Buf) == 0 || w.Err != nil {
		t.Errorf("after Reset: %q with room for %d, error %v", w.Buf, cap(w.Buf), w.Err)
	}
}

// TestNoAllocations: a value costs nothing beyond the room it is written to. The test is not parallel, because allocations are
// counted for the whole process.
func TestNoAllocations(t *testing.T) {
	long, raw := strings.Repeat("a\t\"\\é", 50), []byte(strings.Repeat("b\x00\n\\", 50))
	at := time.Date(-4000, 2, 28, 23, 59, 59, 123456789, time.FixedZone("", -7*3600-23))
	late := time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.FixedZone("", 3600))
	for _, s := range styles {
		w := rowtext.New(s)
		for name, write := range map[string]func(){
			"Null": w.Null, "Int": func() { w.Int(math.MinInt64) }, "Uint": func() { w.Uint(math.MaxUint64) }, "Bool": func() { w.Bool(true) },
			"Float": func() { w.Float(math.Pi); w.Float(math.MaxFloat64) }, "Text": func() { w.Text(long) }, "RawText": func() { w.RawText(raw) },
			"Bytes": func() { w.Bytes(raw) }, "Bytes of bytea": func() { w.Hex, w.HexText = true, true; w.Bytes(raw); w.Text(long); w.Hex, w.HexText = false, false },
			"Time": func() {
				if s != rowtext.Load {
					w.Time(at)
				}
				w.Time(late)
			},
			"Mark and Undo": func() { w.Mark(); w.Int(1); w.Undo() },
		} {
			if n := testing.AllocsPerRun(100, func() { w.Reset(); write() }); n != 0 || w.Err != nil {
				t.Errorf("%s in style %s: %v allocations, error %v", name, styleName(s), n, w.Err)
			}
		}
	}
}

// TestNumbersOfBit: MySQL's BIT reads a number from bytes, the greatest first.
func TestNumbersOfBit(t *testing.T) {
	t.Parallel()
	for want, write := range map[string]func(*rowtext.Writer){
		"ffffffffffffffff": func(w *rowtext.Writer) { w.Int(-1) },
		"0000000000000102": func(w *rowtext.Writer) { w.Uint(258) },
		"0000000000000001": func(w *rowtext.Writer) { w.Bool(true) },
		"0000000000000003": func(w *rowtext.Writer) { w.Float(3) },
	} {
		w := rowtext.New(rowtext.Load)
		w.HexNumber = true
		if write(w); string(w.Buf) != want || w.Err != nil {
			t.Errorf("%s and error %v, want %s", w.Buf, w.Err, want)
		}
	}
	w := rowtext.New(rowtext.Load)
	w.HexNumber = true
	if w.Float(2.5); w.Err == nil || len(w.Buf) > 0 {
		t.Errorf("%q of a fraction and error %v, want an error alone", w.Buf, w.Err)
	}
}

// TestTextsOfBytesForLoad: whatever is not bytes is the hexadecimal form of its text.
func TestTextsOfBytesForLoad(t *testing.T) {
	t.Parallel()
	for want, write := range map[string]func(*rowtext.Writer){
		"12": func(w *rowtext.Writer) { w.Int(12) }, "-3": func(w *rowtext.Writer) { w.Int(-3) }, "1.5": func(w *rowtext.Writer) { w.Float(1.5) },
		"18446744073709551615": func(w *rowtext.Writer) { w.Uint(math.MaxUint64) }, "1": func(w *rowtext.Writer) { w.Bool(true) },
		"2026-01-02 03:04:05": func(w *rowtext.Writer) { w.Time(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) },
	} {
		w := rowtext.New(rowtext.Load)
		w.Hex, w.HexText = true, true
		if write(w); string(w.Buf) != fmt.Sprintf("%x", want) || w.Err != nil {
			t.Errorf("%s and error %v, want %x", w.Buf, w.Err, want)
		}
	}
}
