package importer

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goupsert/upsert/internal/words"
)

// csvReader reads CSV and TSV: quoting as in RFC 4180 for both.
type csvReader struct {
	file  string
	csv   *csv.Reader
	heads []field
	null  string
	cells []cell
	// source keeps the text of the last row, which begins at start; nil if nobody is to ask for records.
	source  *recorder
	comment rune
	start   int64
}

// newCSV reads the header, unless cfg names the columns.
func newCSV(file string, r io.Reader, cfg *config) (*csvReader, error) {
	c := &csvReader{file: file, null: cfg.format.null, comment: cfg.format.comment}
	if cfg.reject != "" {
		c.source = &recorder{from: r}
		r = c.source
	}
	c.csv = csv.NewReader(r)
	c.csv.Comma, c.csv.Comment, c.csv.ReuseRecord = cfg.format.comma, cfg.format.comment, true
	// The number of fields is checked here, because only here the names of the columns are known.
	c.csv.FieldsPerRecord = -1
	for _, name := range cfg.format.columns {
		c.heads = append(c.heads, field{name: name})
	}
	if c.heads == nil {
		if err := c.readHeader(); err != nil {
			return nil, err
		}
	}
	if err := checkFields(file, c.heads); err != nil {
		return nil, err
	}
	c.cells = make([]cell, len(c.heads))
	return c, nil
}

func (c *csvReader) fields() []field { return c.heads }

func (c *csvReader) readHeader() error {
	record, err := c.csv.Read()
	if err == io.EOF {
		return wrongf(c.file, 1, 1, "the file is empty: a header line with the names of the columns was expected (or give -columns)")
	}
	if err != nil {
		return c.wrap(err)
	}
	for i, name := range record {
		line, col := c.csv.FieldPos(i)
		if problem := checkText(name); problem != "" {
			return wrongf(c.file, line, col, "%s", problem)
		}
		c.heads = append(c.heads, field{name, line, col})
	}
	return nil
}

func (c *csvReader) next() ([]cell, error) {
	if c.start = c.csv.InputOffset(); c.source != nil {
		c.source.forget(c.start)
	}
	record, err := c.csv.Read()
	if err == io.EOF {
		return nil, err
	}
	if err != nil {
		return nil, c.wrap(err)
	}
	if len(record) != len(c.heads) {
		return nil, c.wrongCount(record)
	}
	for i, text := range record {
		line, col := c.csv.FieldPos(i)
		if problem := checkText(text); problem != "" {
			return nil, wrongRow(c.heads[i].name, c.file, line, col, "column %q: %s", c.heads[i].name, problem)
		}
		c.cells[i] = cell{text: text, token: tokenField, line: line, col: col}
		if text == c.null {
			c.cells[i].token = tokenNull
		}
	}
	return c.cells, nil
}

// record leaves out what stands between two rows: blank lines and comments.
func (c *csvReader) record() string {
	if c.source == nil {
		return ""
	}
	text := c.source.text(c.start, c.csv.InputOffset())
	for {
		line, rest, found := strings.Cut(text, "\n")
		blank := line == "" || line == "\r"
		if !found || !blank && (c.comment == 0 || !strings.HasPrefix(line, string(c.comment))) {
			return strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
		}
		text = rest
	}
}

func (c *csvReader) wrongCount(record []string) error {
	got, want := len(record), len(c.heads)
	if got > want {
		line, col := c.csv.FieldPos(want)
		return wrongRow("", c.file, line, col, "%s, %s expected: nothing after %q", words.Count(got, "field"), words.Number(int64(want)), c.heads[want-1].name)
	}
	line, col := c.csv.FieldPos(got - 1)
	return wrongRow(c.heads[got].name, c.file, line, col, "%s, %s expected: no %q", words.Count(got, "field"), words.Number(int64(want)), c.heads[got].name)
}

// wrap gives encoding/csv's errors the file's name; they have their place already. They are no fault of one row: after a quote in
// the wrong place nobody knows where the row ends.
func (c *csvReader) wrap(err error) error {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		return fmt.Errorf("%s: %w", c.file, err)
	}
	if errors.Is(parse.Err, csv.ErrQuote) && parse.StartLine != parse.Line {
		return wrongf(c.file, parse.Line, parse.Column, "%v, in a row that begins on line %d: is a quote not closed there?", parse.Err, parse.StartLine)
	}
	return wrongf(c.file, parse.Line, parse.Column, "%v", parse.Err)
}
