package upserttest

import (
	"fmt"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"unicode/utf8"
)

// report is what a failed test prints. It has no times and no numbers that differ from run to run, so two runs of a test print
// the same.
type report struct {
	title string
	lines [][2]string // a word and a text
	diffs []tableDiff
	o     *options
	notes []string
}

func (r *report) add(word, text string) {
	if text != "" {
		r.lines = append(r.lines, [2]string{word, text})
	}
}

// addPoint tells a statement and its caller.
func (r *report) addPoint(word string, p *point) {
	if p == nil {
		return
	}
	r.add(word, fmt.Sprintf("%d: %s", p.number, p.text))
	r.add("at", p.caller())
}

// maxWriters limits the statements of a report about a run as a whole.
const maxWriters = 6

// addWriters tells the statements that can have made the difference: those that name a table that differs, and are no SELECT.
func (r *report) addWriters(points []*point, diffs []tableDiff) {
	writers := slices.DeleteFunc(slices.Clone(points), func(p *point) bool {
		text := strings.ToLower(p.text)
		names := func(d tableDiff) bool { return strings.Contains(text, strings.ToLower(d.table.shortName())) }
		return p.kind != statement && p.kind != effect || strings.HasPrefix(text, "select") || !slices.ContainsFunc(diffs, names)
	})
	for i, p := range writers {
		if i == maxWriters {
			r.add("", fmt.Sprintf("and %d more", len(writers)-maxWriters))
			return
		}
		r.addPoint("statement", p)
	}
}

// shortName is the table's name without its schema.
func (t *table) shortName() string {
	return t.name[strings.LastIndexByte(t.name, '.')+1:]
}

// oneLine is the text of an error in a report. Joined errors have a line each.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

func (r *report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "upserttest: %s\n\n", r.title)
	for _, line := range r.lines {
		fmt.Fprintf(&b, "  %-12s%s\n", line[0], line[1])
	}
	for _, t := range r.diffs {
		b.WriteString("\n" + t.grid(r.o))
	}
	for _, note := range r.notes {
		b.WriteString("\n  " + strings.ReplaceAll(note, "\n", "\n  ") + "\n")
	}
	return b.String()
}

const (
	maxRows    = 12 // of a table in a report
	maxColumns = 10
	maxWidth   = 60
)

// grid shows the rows of a table that differ.
func (t tableDiff) grid(o *options) string {
	switch {
	case t.rewrote && t.table.name == "":
		return "  the database was written to, though no row is another one: rows were written again with the values they had\n"
	case t.rewrote:
		return fmt.Sprintf("  table %s: rows were written again with the values they had\n", t.table.name)
	}
	columns := t.shownColumns()
	lines := [][]string{{""}}
	for _, i := range columns {
		lines[0] = append(lines[0], t.table.columns[i])
	}
	for n, row := range t.rows {
		if n == maxRows {
			break
		}
		line := []string{row.what}
		for _, i := range columns {
			line = append(line, row.show(i))
		}
		lines = append(lines, line)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  table %s%s\n", t.table.name, t.legend())
	writeGrid(&b, "    ", lines)
	if more := len(t.rows) - maxRows; more > 0 {
		fmt.Fprintf(&b, "    and %d more rows\n", more)
	}
	return b.String()
}

func (t tableDiff) legend() string {
	if t.columns != "" {
		return ": " + t.columns
	}
	for _, row := range t.rows {
		if row.what == different {
			return " (wanted → got)"
		}
	}
	return ""
}

// shownColumns leaves columns out of a wide table that say nothing about the difference.
func (t tableDiff) shownColumns() (columns []int) {
	spare := maxColumns
	tells := make([]bool, len(t.table.columns))
	for i, column := range t.table.columns {
		for _, row := range t.rows {
			tells[i] = tells[i] || row.what == different && !row.want[i].same(row.got[i])
		}
		for _, key := range t.table.key {
			tells[i] = tells[i] || key == column
		}
		if tells[i] {
			spare--
		}
	}
	for i := range t.table.columns {
		if !tells[i] && spare > 0 {
			spare--
			tells[i] = true
		}
		if tells[i] {
			columns = append(columns, i)
		}
	}
	return columns
}

// show returns a cell, or both values if they differ.
func (d rowDiff) show(i int) string {
	switch {
	case d.want == nil:
		return clip(d.got[i].text, 0)
	case d.got == nil:
		return clip(d.want[i].text, 0)
	case d.want[i].same(d.got[i]):
		return clip(d.got[i].text, 0)
	case d.want[i].text == d.got[i].text:
		return d.want[i].typed() + " → " + d.got[i].typed()
	}
	from := commonPrefix(d.want[i].text, d.got[i].text)
	return clip(d.want[i].text, from) + " → " + clip(d.got[i].text, from)
}

func (c cell) typed() string {
	if c.kind == "" {
		return c.text
	}
	return fmt.Sprintf("%q (%s)", c.text, c.kind)
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// clip shortens a long text around the byte from which it differs, and writes it on one line.
func clip(text string, from int) string {
	if text == "" {
		return "''"
	}
	if len(text) > maxWidth {
		start := max(0, min(from-maxWidth/4, len(text)-maxWidth))
		for start > 0 && !utf8.RuneStart(text[start]) {
			start--
		}
		end := start + maxWidth
		for end < len(text) && !utf8.RuneStart(text[end]) {
			end++
		}
		short := text[start:end]
		if start > 0 {
			short = "…" + short
		}
		if end < len(text) {
			short += "…"
		}
		text = short
	}
	return strings.NewReplacer("\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(text)
}

func writeGrid(b *strings.Builder, indent string, lines [][]string) {
	width := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, text := range line {
			width[i] = max(width[i], utf8.RuneCountInString(text))
		}
	}
	for _, line := range lines {
		var out strings.Builder
		for i, text := range line {
			out.WriteString(text + strings.Repeat(" ", width[i]-utf8.RuneCountInString(text)+2))
		}
		b.WriteString(indent + strings.TrimRight(out.String(), " ") + "\n")
	}
}

// placeEnv names the one place that a check tries.
const placeEnv = "UPSERTTEST_PLACE"

// rerun returns the line for a shell that tries one place of one test.
func rerun(place, test string) string {
	parts := strings.Split(test, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	pattern := strings.ReplaceAll(strings.Join(parts, "/"), "'", `'\''`)
	return fmt.Sprintf("%s=%s go test -count=1 -run '%s' %s", placeEnv, place, pattern, testedPackage())
}

// testedPackage returns the import path of the package whose test runs.
func testedPackage() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "."
	}
	if path, isTest := strings.CutSuffix(info.Path, ".test"); isTest {
		return path
	}
	return "."
}
