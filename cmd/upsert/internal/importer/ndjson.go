package importer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxLine bounds what one line of NDJSON may take in memory.
const maxLine = 64 << 20

// ndjsonReader reads one JSON object a line. The names of the first are the columns of all.
type ndjsonReader struct {
	file  string
	lines *bufio.Scanner
	line  int
	heads []field
	index map[string]int
	cells []cell
	// first is set while the row that named the columns has not been handed out.
	first bool
}

func newNDJSON(file string, r io.Reader) (*ndjsonReader, error) {
	n := &ndjsonReader{file: file, lines: bufio.NewScanner(r), index: map[string]int{}, first: true}
	n.lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	err := n.read()
	if errors.Is(err, io.EOF) {
		return nil, wrongf(file, 1, 1, "the file is empty: its first line was to name the columns")
	}
	if err != nil {
		return nil, err
	}
	if len(n.heads) == 0 {
		return nil, wrongf(file, n.line, 1, "the first object has no names: there is no column to write")
	}
	if err := checkFields(file, n.heads); err != nil {
		return nil, err
	}
	return n, nil
}

func (n *ndjsonReader) fields() []field { return n.heads }

func (n *ndjsonReader) record() string { return string(n.lines.Bytes()) }

func (n *ndjsonReader) next() ([]cell, error) {
	if n.first {
		n.first = false
		return n.cells, nil
	}
	if err := n.read(); err != nil {
		return nil, err
	}
	return n.cells, nil
}

// read takes the next line that is not blank into n.cells.
func (n *ndjsonReader) read() error {
	for n.lines.Scan() {
		n.line++
		line := n.lines.Bytes()
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if !utf8.Valid(line) {
			return n.wrong(invalidAt(line), "invalid UTF-8")
		}
		return n.parse(line)
	}
	if err := n.lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return wrongf(n.file, n.line+1, 1, "the line is longer than %d MiB: is this one JSON object a line?", maxLine>>20)
	} else if err != nil {
		return fmt.Errorf("%s: %w", n.file, err)
	}
	return io.EOF
}

func (n *ndjsonReader) parse(line []byte) error {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	if open, err := dec.Token(); err != nil {
		return n.syntax(line, dec, err)
	} else if open != json.Delim('{') {
		return n.wrong(tokenStart(line, 0), "a JSON object was expected, one a line")
	}
	for i := range n.cells {
		n.cells[i].line = 0
	}
	for dec.More() {
		if err := n.member(line, dec); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return n.syntax(line, dec, err)
	}
	if rest := tokenStart(line, dec.InputOffset()); rest < len(line) {
		return n.wrong(rest, "something follows the object: one object a line")
	}
	for i := range n.cells {
		if n.cells[i].line == 0 {
			return n.wrongIn(n.heads[i].name, tokenStart(line, 0), "no %q, which the first row has", n.heads[i].name)
		}
	}
	return nil
}

// member reads one name and its value into the cell of that name.
func (n *ndjsonReader) member(line []byte, dec *json.Decoder) error {
	at := tokenStart(line, dec.InputOffset())
	name, err := dec.Token()
	if err != nil {
		return n.syntax(line, dec, err)
	}
	i, err := n.cellOf(name.(string), at)
	if err != nil {
		return err
	}
	at = tokenStart(line, dec.InputOffset())
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		return n.syntax(line, dec, err)
	}
	c, problem := jsonCell(raw)
	if problem != "" {
		return n.wrongIn(n.heads[i].name, at, "%q: %s", name, problem)
	}
	c.line, c.col = n.line, at+1
	n.cells[i] = c
	return nil
}

// cellOf is the cell of a name; the first row makes the cells.
func (n *ndjsonReader) cellOf(name string, at int) (int, error) {
	i, ok := n.index[name]
	if ok && n.cells[i].line != 0 {
		return 0, n.wrong(at, "name %q is there twice", name)
	}
	if ok {
		return i, nil
	}
	if !n.first {
		return 0, n.wrong(at, "%q is new: the first row does not have it", name)
	}
	if problem := checkText(name); problem != "" {
		return 0, n.wrong(at, "%s", problem)
	}
	n.index[name] = len(n.cells)
	n.heads = append(n.heads, field{name, n.line, at + 1})
	n.cells = append(n.cells, cell{})
	return len(n.cells) - 1, nil
}

// wrong is an error at a byte of the current line, counted from 0.
func (n *ndjsonReader) wrong(at int, format string, args ...any) error {
	return n.wrongIn("", at, format, args...)
}

// wrongIn is wrong in one column. The row that names the columns is not one to skip.
func (n *ndjsonReader) wrongIn(column string, at int, format string, args ...any) error {
	if n.first {
		return wrongf(n.file, n.line, at+1, format, args...)
	}
	return wrongRow(column, n.file, n.line, at+1, format, args...)
}

// syntax is what makes the line no JSON. The decoder's own offset is the offset of the value it was reading; Unmarshal's offset
// is the byte's.
func (n *ndjsonReader) syntax(line []byte, dec *json.Decoder, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return n.wrong(len(line), "the line ends inside its object")
	}
	at := tokenStart(line, dec.InputOffset())
	var whole json.RawMessage
	if s := (*json.SyntaxError)(nil); errors.As(json.Unmarshal(line, &whole), &s) && s.Offset > 0 {
		at, err = int(s.Offset)-1, s
	}
	return n.wrong(min(at, len(line)), "%s", strings.TrimPrefix(err.Error(), "json: "))
}

// tokenStart is where the token after offset begins: the decoder counts to the end of the one before.
func tokenStart(line []byte, offset int64) int {
	at := int(offset)
	for at < len(line) && strings.IndexByte(" \t\r\n,:", line[at]) >= 0 {
		at++
	}
	return at
}

func invalidAt(line []byte) int {
	for at := 0; at < len(line); {
		r, size := utf8.DecodeRune(line[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return len(line)
}
