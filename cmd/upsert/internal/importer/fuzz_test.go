package importer

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// FuzzReader: a file is either read, and then reads the same after it was written out again, or refused with an error
// that names a line and a column of it.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		"id,n\n1,a\n", "id,n\n1,\"a\n\"\"b\"\"\"\n2,\n", "\uFEFFid\r\n1\r\n", "\n\uFEFF", "id,id\n", "id,n\n1,\xff\n", "a\n\"", "\n\n,\n",
		`{"id":1,"n":{"a":[1,2.5e3,"\u00e9"]}}` + "\n" + `{"n":null,"id":-0}`, `{"a":1,"a":2}`, `{"a":"\ud800"}`, `{"a":1}{}`, `{"a`,
		"{\"\":1}", "[1]", `{"a":{"b":1,"b":2}}`, "{\"a\":1}\n\n{\"b\":1}", "{ \"a\" : [ ] }\n{\"a\":1e400}",
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	asCSV := &config{format: fileFormat{name: "csv", comma: ','}}
	asNDJSON := &config{format: fileFormat{name: "ndjson"}}
	f.Fuzz(func(t *testing.T, text string, isJSON bool) {
		cfg, write := asCSV, writeCSV
		if isJSON {
			cfg, write = asNDJSON, writeNDJSON
		}
		names, rows, err := readText(t, cfg, text)
		if err != nil {
			checkPlace(t, text, err)
			return
		}
		again := write(t, names, rows)
		names2, rows2, err := readText(t, cfg, again)
		if err != nil {
			t.Fatalf("read %q, wrote %q, and that is refused: %v", text, again, err)
		}
		if third := write(t, names2, rows2); third != again {
			t.Fatalf("read %q, wrote %q, read that and wrote %q", text, again, third)
		}
	})
}

func checkPlace(t *testing.T, text string, err error) {
	t.Helper()
	var pos *posError
	if !errors.As(err, &pos) {
		t.Fatalf("%q: %v (%T) names no place", text, err, err)
	}
	lines := strings.Split(text, "\n")
	// If a quote is left open, encoding/csv counts the line's end, and what should have come after the end.
	if pos.line < 1 || pos.line > len(lines) || pos.col < 1 || pos.col > len(lines[pos.line-1])+2 {
		t.Fatalf("%q: %v is outside of the file", text, err)
	}
}

func writeCSV(t *testing.T, names []string, rows [][]string) string {
	t.Helper()
	var b strings.Builder
	w := csv.NewWriter(&b)
	for _, row := range append([][]string{names}, rows...) {
		for i, v := range row {
			// A NULL, which readText shows as a dash, and a line of one empty field, which would be a blank one.
			if v == "" {
				row[i] = "-"
			}
		}
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	w.Flush()
	return b.String()
}

func writeNDJSON(t *testing.T, names []string, rows [][]string) string {
	t.Helper()
	var b strings.Builder
	for _, row := range rows {
		b.WriteByte('{')
		for i, v := range row {
			if i > 0 {
				b.WriteByte(',')
			}
			for j, s := range []string{names[i], v} {
				text, err := json.Marshal(s)
				if err != nil {
					t.Fatal(err)
				}
				if j > 0 {
					b.WriteByte(':')
				}
				b.Write(text)
			}
		}
		b.WriteString("}\n")
	}
	return b.String()
}
