package rowtext

import (
	"fmt"
	"time"
)

// Time writes a time. For PostgreSQL, Time writes the instant with its zone; a column without a zone takes the rest. For Load,
// Time writes the time in Zone, as the drivers do.
func (w *Writer) Time(t time.Time) {
	if w.style == Load {
		w.loadTime(t)
		return
	}
	if w.style == Array {
		w.Buf = append(w.Buf, '"')
	}
	year, month, day := t.Date()
	bc := year <= 0
	if bc {
		year = 1 - year // there is no year 0
	}
	w.Buf = appendClock(appendDate(w.Buf, year, int(month), day), t)
	w.Buf = appendZone(w.Buf, t)
	if bc {
		w.Buf = append(w.Buf, " BC"...)
	}
	if w.style == Array {
		w.Buf = append(w.Buf, '"')
	}
}

func (w *Writer) loadTime(t time.Time) {
	if w.HexNumber {
		w.Err = fmt.Errorf("a time is no number, which is all that a BIT column takes by this path")
		return
	}
	defer w.hexFrom(len(w.Buf))
	if t.IsZero() {
		w.Buf = append(w.Buf, "0000-00-00"...) // as go-sql-driver writes it
		return
	}
	t = t.In(w.Zone)
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		w.Err = fmt.Errorf("the year %d is none to this database", year)
		return
	}
	w.Buf = appendClock(appendDate(w.Buf, year, int(month), day), t)
}

func appendDate(b []byte, year, month, day int) []byte {
	if year > 9999 {
		b = appendInt(b, year/10000)
		year %= 10000
	}
	b = append(b, digit(year/1000), digit(year/100), digit(year/10), digit(year), '-')
	return append(b, digit(month/10), digit(month), '-', digit(day/10), digit(day), ' ')
}

func appendClock(b []byte, t time.Time) []byte {
	hour, minute, second := t.Clock()
	b = appendPair(append(appendPair(append(appendPair(b, hour), ':'), minute), ':'), second)
	micro := t.Nanosecond() / 1000
	if micro == 0 {
		return b
	}
	b = append(b, '.')
	for unit := 100000; micro > 0; unit /= 10 {
		b = append(b, digit(micro/unit))
		micro %= unit
	}
	return b
}

func appendZone(b []byte, t time.Time) []byte {
	_, offset := t.Zone()
	if offset == 0 {
		return append(b, 'Z')
	}
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	b = appendPair(append(appendPair(append(b, sign), offset/3600), ':'), offset/60%60)
	if offset%60 != 0 {
		b = appendPair(append(b, ':'), offset%60)
	}
	return b
}

func appendPair(b []byte, n int) []byte { return append(b, digit(n/10), digit(n)) }

func appendInt(b []byte, n int) []byte {
	if n >= 10 {
		b = appendInt(b, n/10)
	}
	return append(b, digit(n))
}

func digit(n int) byte { return '0' + byte(n%10) }
