package importer

import (
	"reflect"
	"strings"
	"testing"
)

func TestNDJSON_Rows(t *testing.T) {
	t.Parallel()
	const text = "\uFEFF\n" +
		`{"id": 9007199254740993, "n": "a\u00e9", "j": {"b": [1, 2.50], "a": null}}` + "\r\n\n" +
		`{"j": [ ], "id": 1e3, "n": null}` + "\n" +
		`  {"id":-0.10,"n":true,"j":"x"}`
	names, rows, err := readText(t, parsed(t, "-key", "id", "f.ndjson"), text)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"9007199254740993", "aé", `{"b":[1,2.50],"a":null}`},
		{"1e3", "-", "[]"},
		{"-0.10", "true", "x"},
	}
	if !reflect.DeepEqual(names, []string{"id", "n", "j"}) || !reflect.DeepEqual(rows, want) {
		t.Fatalf("columns %q, rows %q; want id, n and j, %q", names, rows, want)
	}
}

func TestNDJSON_ErrorsNameThePlace(t *testing.T) {
	t.Parallel()
	const head = `{"id":1,"n":"a"}` + "\n"
	for name, c := range map[string]struct{ text, want string }{
		"empty file":          {"\n \n", "f:1:1: the file is empty"},
		"no names":            {"{}\n", "f:1:1: the first object has no names"},
		"empty name":          {`{"":1}`, "f:1:2: column 1 has no name"},
		"an array":            {head + `[1]`, "f:2:1: a JSON object was expected"},
		"a number":            {head + ` 7`, "f:2:2: a JSON object was expected"},
		"nothing sensible":    {head + `id=1`, "f:2:1: invalid character 'i'"},
		"missing name":        {head + "\n" + `{"id":2}`, `f:3:1: no "n", which the first row has`},
		"new name":            {head + `{"id":2,"m":1,"n":""}`, `f:2:9: "m" is new: the first row does not have it`},
		"name twice":          {head + `{"id":2, "id":3,"n":""}`, `f:2:10: name "id" is there twice`},
		"name twice at first": {`{"id":2,"id":3}`, `f:1:9: name "id" is there twice`},
		"name twice, inside":  {head + `{"id":2,"n":[{"a":1,"a":2}]}`, `f:2:13: "n": name "a" is there twice in it`},
		"ends early":          {head + `{"id":2,"n":"b"`, "f:2:16: the line ends inside its object"},
		"ends in a string":    {head + `{"id":2,"n":"b`, "f:2:15: the line ends inside its object"},
		"something behind":    {head + `{"id":2,"n":"b"} {}`, "f:2:18: something follows the object"},
		"bad value":           {head + `{"id":2,"n":nil}`, "f:2:14: invalid character 'i'"},
		"bad number":          {head + `{"id":007,"n":1}`, "f:2:8: invalid character '0'"},
		"UTF-8":               {head + "{\"id\":2,\"n\":\"\xff\"}", "f:2:14: invalid UTF-8"},
		"NUL":                 {head + `{"id":2,"n":"a\u0000"}`, `f:2:13: "n": a NUL byte in text`},
		"NUL, inside":         {head + `{"id":2,"n":["a\u0000"]}`, `f:2:13: "n": a NUL byte in text`},
		"half a pair":         {head + `{"id":2,"n":"\ud800x"}`, `f:2:13: "n": half of a surrogate pair`},
		"NUL in a name":       {`{"a\u0000":2}`, `f:1:2: a NUL byte`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := readText(t, parsed(t, "-key", "id", "f.ndjson"), c.text)
			wantError(t, err, c.want)
			if !isPosError(err) {
				t.Fatalf("%T is no *posError", err)
			}
		})
	}
}

func TestNDJSON_LineTooLong(t *testing.T) {
	t.Parallel()
	text := `{"id":1}` + "\n" + strings.Repeat(" ", maxLine+1)
	_, _, err := readText(t, parsed(t, "-key", "id", "f.jsonl"), text)
	wantError(t, err, "f:2:1: the line is longer than 64 MiB")
}

func TestNDJSON_ReplacementCharacterIsText(t *testing.T) {
	t.Parallel()
	_, rows, err := readText(t, parsed(t, "-key", "id", "f.jsonl"), `{"id":"\uFFFD�","b":["\ufffd"]}`)
	if err != nil || rows[0][0] != "\uFFFD\uFFFD" {
		t.Fatalf("rows %q, error %v; want what was written", rows, err)
	}
}
