package importer

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

func TestCSV_Rows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		text string
		want [][]string
	}{
		"plain":               {nil, "id,n\n1,a\n2,b\n", [][]string{{"1", "a"}, {"2", "b"}}},
		"empty is NULL":       {nil, "id,n\n1,\n2,\"\"\n", [][]string{{"1", "-"}, {"2", "-"}}},
		"another NULL":        {[]string{"-null", `\N`}, "id,n\n1,\\N\n2,\n", [][]string{{"1", "-"}, {"2", ""}}},
		"quotes over lines":   {nil, "id,n\n1,\"a\nb \"\"c\"\"\"\n", [][]string{{"1", "a\nb \"c\""}}},
		"CRLF, no end":        {nil, "id,n\r\n1,a\r\n2,b", [][]string{{"1", "a"}, {"2", "b"}}},
		"byte order mark":     {nil, "\uFEFFid,n\n1,a\n", [][]string{{"1", "a"}}},
		"comments":            {[]string{"-comment", "#"}, "# x\nid,n\n#1,a\n2,b\n", [][]string{{"2", "b"}}},
		"no comments":         {nil, "id,n\n#1,a\n", [][]string{{"#1", "a"}}},
		"semicolons":          {[]string{"-comma", ";"}, "id;n\n1;a,b\n", [][]string{{"1", "a,b"}}},
		"tabs":                {[]string{"-format", "tsv"}, "id\tn\n1\ta,b\n", [][]string{{"1", "a,b"}}},
		"tabs by escape":      {[]string{"-comma", `\t`}, "id\tn\n1\ta,b\n", [][]string{{"1", "a,b"}}},
		"columns by flag":     {[]string{"-columns", "id,n"}, "1,a\n", [][]string{{"1", "a"}}},
		"header alone":        {nil, "id,n\n", nil},
		"spaces are the data": {nil, "id,n\n1, a \n", [][]string{{"1", " a "}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			names, rows, err := readText(t, parsed(t, append(c.args, "-key", "id", "f.csv")...), c.text)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(names, []string{"id", "n"}) || !reflect.DeepEqual(rows, c.want) {
				t.Fatalf("columns %q, rows %q; want id and n, %q", names, rows, c.want)
			}
		})
	}
}

func TestCSV_ErrorsNameThePlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		text string
		want string
	}{
		"empty file":         {nil, "", "f:1:1: the file is empty"},
		"too few":            {nil, "id,n,m\n1,a,b\n2,b\n", `f:3:3: 2 fields, 3 expected: no "m"`},
		"too many":           {nil, "id,n\n1,a,x\n", `f:2:5: 3 fields, 2 expected: nothing after "n"`},
		"too many, by flag":  {[]string{"-columns", "id"}, "1,a\n", `f:1:3: 2 fields, 1 expected`},
		"bare quote":         {nil, "id,n\n1,a\"b\n", `f:2:4: bare " in non-quoted-field`},
		"quote left open":    {nil, "id,n\n1,\"a\n2,b\n", `in a row that begins on line 2`},
		"text after a quote": {nil, "id,n\n1,\"a\"b\n", `f:2:5: extraneous or missing "`},
		"twice the name":     {nil, "id,n,id\n", `f:1:6: column name "id" is there twice (columns 1 and 3)`},
		"no name":            {nil, "id,,n\n", "f:1:4: column 2 has no name"},
		"twice, by flag":     {[]string{"-columns", "id,id"}, "1,2\n", `column name "id" is there twice`},
		"UTF-8 in a field":   {nil, "id,n\n1,\xff\n", `f:2:3: column "n": invalid UTF-8: "\xff"`},
		"UTF-8 in the names": {nil, "id,\xffn\n1,a\n", `f:1:4: invalid UTF-8`},
		"NUL":                {nil, "id,n\n1,a\x00b\n", `f:2:3: column "n": a NUL byte`},
		"line after a quote": {nil, "id,n\n1,\"a\nb\"\n2,b,c\n", `f:4:5: 3 fields`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := readText(t, parsed(t, append(c.args, "-key", "id", "f.csv")...), c.text)
			wantError(t, err, c.want)
			if !isPosError(err) {
				t.Fatalf("%T is no *posError", err)
			}
		})
	}
}

// TestCSV_Records: the records put together are the file again.
func TestCSV_Records(t *testing.T) {
	t.Parallel()
	const text = "\uFEFFid;n\n1;a\n\n# a comment; \"\r\n2;\"b\n\n# no comment\"\r\n\r\n3\n4;x;y\n5;\"q\"\"q\"\n#6;z\n7;\xff"
	cfg := parsed(t, "-key", "id", "-comma", ";", "-comment", "#", "-reject", "bad.csv", "f.csv")
	rd, err := newCSV("f", skipMark(strings.NewReader(text)), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for {
		_, err := rd.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && rowFault(err) == nil {
			t.Fatal(err)
		}
		got = append(got, rd.record())
	}
	want := []string{"1;a", "2;\"b\n\n# no comment\"", "3", "4;x;y", "5;\"q\"\"q\"", "7;\xff"}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("records %q; want %q", got, want)
	}
}
