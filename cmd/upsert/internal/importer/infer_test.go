package importer

import (
	"strings"
	"testing"
)

func TestInfer_CSV(t *testing.T) {
	t.Parallel()
	for want, columns := range map[kind][]string{
		kindInteger: {"1|-2|", "9223372036854775807"},
		kindReal:    {"1|2.5", "0.1", "1e+05|2", "-0.0"},
		kindBoolean: {"true|FALSE|"},
		kindTimestamp: {
			"2024-05-06T07:08:09Z", "2024-05-06T07:08:09.5Z||2024-05-06T07:08:09.123456+02:00", "2024-02-29T23:59:59-11:30",
			"2024-05-06T07:08:09.123456000Z", "0001-01-01T00:00:00Z",
		},
		kindText: {
			"a|1", "|", "007", "+49", "-0", "12e4", "true|1", "1.5|9007199254740993", "9223372036854775808",
			"3.14159265358979323846", "NaN", "Inf", "0x10", "1_000", "1,5", " 1", "2024-01-01", "{}", "1.", ".5",
			"2024-05-06T07:08:09", "2024-05-06 07:08:09Z", "2023-02-29T00:00:00Z", "2024-05-06T07:08:09Z|1", "2024-05-06T07:08:09Z|x",
			"2024-05-06T07:08:09Z|true", "2024-05-06T07:08:09.1234567Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00",
			"2024-05-06T7:08:09Z", "2024-05-06T07:08:09,5Z",
		},
	} {
		for _, values := range columns {
			var f findings
			for v := range strings.SplitSeq(values, "|") {
				c := cell{text: v, token: tokenField}
				if v == "" {
					c.token = tokenNull
				}
				f.add(c)
			}
			if got := f.kind(); got != want {
				t.Errorf("%q is inferred as %v; want %v", values, got, want)
			}
		}
	}
}

func TestInfer_NDJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]kind{
		`{"v":1}`:                               kindInteger,
		`{"v":1}{"v":null}{"v":1e2}`:            kindReal,
		`{"v":true}`:                            kindBoolean,
		`{"v":"1"}`:                             kindText,
		`{"v":"2024-05-06T07:08:09.5+02:00"}`:   kindTimestamp,
		`{"v":"2024-05-06T07:08:09Z"}{"v":1}`:   kindText,
		`{"v":"2024-05-06T07:08:09Z"}{"v":[]}`:  kindJSON,
		`{"v":"1"}{"v":{}}`:                     kindJSON,
		`{"v":[]}`:                              kindJSON,
		`{"v":true}{"v":0}`:                     kindText,
		`{"v":null}`:                            kindText,
		`{"v":18446744073709551616}`:            kindText, // 2^64 is a float64, but one that prints as 18446744073709552000
		`{"v":18446744073709551617}`:            kindText,
		`{"v":9007199254740993}{"v":0.5}`:       kindText,
		`{"v":-9223372036854775808}`:            kindInteger,
		`{"v":0.1000000000000000055511151}`:     kindText,
		`{"v":100000000000000000000}{"v":null}`: kindReal,
	} {
		rd, err := newNDJSON("f", strings.NewReader(strings.ReplaceAll(text, "}{\"", "}\n{\"")))
		if err != nil {
			t.Fatal(err)
		}
		cols := []column{{name: "v"}}
		if err := infer("f", rd.next, cols, []bool{false}, 0, false, func(int64) {}); err != nil {
			t.Fatal(err)
		}
		if cols[0].kind != want {
			t.Errorf("%s is inferred as %v; want %v", text, cols[0].kind, want)
		}
	}
}

func TestInfer_Refuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text  string
		typed kind
		width int
		want  string
	}{
		"wide key":            {"{\"k\":\"ab\"}\n{\"k\":\"äbc\"}", 0, 2, `f:2:6: key column "k" has 3 characters here`},
		"JSON key":            {`{"k":{}}`, 0, 0, `key column "k" holds JSON`},
		"NULL key":            {"{\"k\":1}\n{\"k\":null}", 0, 0, `f:2:6: key column "k" is NULL`},
		"not of type":         {"{\"k\":1}\n{\"k\":1.5}", kindInteger, 0, `f:2:6: column "k": "1.5" is not of type integer`},
		"the reader's errors": {"{\"k\":1}\n{", 0, 0, `f:2:2: the line ends`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rd, err := newNDJSON("f", strings.NewReader(c.text))
			if err != nil {
				t.Fatal(err)
			}
			cols := []column{{name: "k", key: true, kind: c.typed}}
			err = infer("f", rd.next, cols, []bool{c.typed != 0}, c.width, false, func(int64) {})
			wantError(t, err, c.want)
		})
	}
}
