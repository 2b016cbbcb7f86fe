package rowtext_test

import (
	"fmt"
	"strconv"
	"strings"
)

// The code here reads what is written, as the manuals say, and shares nothing with the code that writes.

// null stands among values that are read for NULL.
const null = "\x00null"

// readArray reads the text of an array of one dimension (PostgreSQL's manual, 8.15.6).
func readArray(text string) (values []string, err error) {
	rest, ok := strings.CutPrefix(text, "{")
	if !ok {
		return nil, fmt.Errorf("no brace at the beginning of %q", text)
	}
	if rest == "}" {
		return nil, nil
	}
	for {
		var value string
		if value, rest, err = readElement(rest); err != nil {
			return nil, err
		}
		values = append(values, value)
		switch {
		case rest == "}":
			return values, nil
		case !strings.HasPrefix(rest, ","):
			return nil, fmt.Errorf("after %d elements there is %q", len(values), rest)
		}
		rest = rest[1:]
	}
}

// readElement reads one element. One without quotes may hold nothing that means something, and no blank at its ends.
func readElement(text string) (value, rest string, err error) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, `,{}"\`)
		if end <= 0 || strings.ContainsAny(text[:end], " \t\n\r\v\f") {
			return "", "", fmt.Errorf("no element at %q", text)
		}
		if value, rest = text[:end], text[end:]; strings.EqualFold(value, "NULL") {
			value = null
		}
		return value, rest, nil
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return b.String(), text[i+1:], nil
		case '\\':
			if i++; i == len(text) {
				return "", "", fmt.Errorf("%q ends in a backslash", text)
			}
		}
		b.WriteByte(text[i])
	}
	return "", "", fmt.Errorf("a quote of %q is not closed", text)
}

// readCopy reads a line of COPY in the text format (PostgreSQL's manual, COPY, "File Formats").
func readCopy(line string) ([]string, error) {
	if strings.ContainsAny(line, "\n\r") || line == `\.` {
		return nil, fmt.Errorf("%q is no line", line)
	}
	return readFields(line, func(text string) (byte, int, error) {
		if at := strings.IndexByte("bfnrtv", text[0]); at >= 0 {
			return "\b\f\n\r\t\v"[at], 1, nil
		}
		base, digits := 8, text[:min(3, len(text))]
		if text[0] == 'x' && len(text) > 1 {
			base, digits = 16, text[1:min(3, len(text))]
		}
		for n := len(digits); n > 0; n-- {
			if v, err := strconv.ParseUint(digits[:n], base, 16); err == nil {
				return byte(v), n + base/16, nil // and the x
			}
		}
		return text[0], 1, nil
	})
}

// readLoad reads a line of LOAD DATA with FIELDS TERMINATED BY a tab ESCAPED BY a backslash (MySQL's manual, "LOAD DATA
// Statement").
func readLoad(line string) ([]string, error) {
	if strings.Contains(line, "\n") {
		return nil, fmt.Errorf("%q is no line", line)
	}
	return readFields(line, func(text string) (byte, int, error) {
		if text[0] == 'N' {
			return 0, 0, fmt.Errorf("NULL inside of a field of %q", line)
		}
		if at := strings.IndexByte("0bnrtZ", text[0]); at >= 0 {
			return "\x00\b\n\r\t\x1a"[at], 1, nil
		}
		return text[0], 1, nil
	})
}

// readFields reads fields with tabs between them. escape reads what follows a backslash, of which there is some.
func readFields(line string, escape func(text string) (value byte, length int, err error)) (values []string, err error) {
	for field := range strings.SplitSeq(line, "\t") {
		if field == `\N` {
			values = append(values, null)
			continue
		}
		var b strings.Builder
		for i := 0; i < len(field); i++ {
			if field[i] != '\\' {
				b.WriteByte(field[i])
				continue
			}
			if i+1 == len(field) {
				return nil, fmt.Errorf("field %q ends in a backslash", field)
			}
			value, length, err := escape(field[i+1:])
			if err != nil {
				return nil, err
			}
			b.WriteByte(value)
			i += length
		}
		values = append(values, b.String())
	}
	return values, nil
}
