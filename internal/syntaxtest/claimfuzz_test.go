package syntaxtest_test

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/claimsql"
	"github.com/goupsert/upsert/internal/syntaxtest"
)

// digits takes the values out of a statement: in a quoted text that is hexadecimal digits, and commas between lists of
// them, the digits are left out of shape and come back by themselves. A quote ends at the next one, whatever the database
// takes for an escape: digits and commas are no part of any.
func digits(text string) (shape string, values []string) {
	var b strings.Builder
	for {
		before, rest, quoted := strings.Cut(text, "'")
		b.WriteString(before)
		if !quoted {
			return b.String(), values
		}
		inside, after, closed := strings.Cut(rest, "'")
		if !closed {
			return b.String() + "'" + rest, values
		}
		if strings.Trim(inside, "0123456789abcdef,") == "" {
			values = append(values, inside)
			inside = ""
		}
		b.WriteString("'" + inside + "'")
		text = after
	}
}

// FuzzClaimTextIsShapeOnly: for any bytes of a key, a message, a result and a codec's name, the statements differ only in
// hexadecimal digits between two quotes. So nothing in a value can end a text, begin a comment or be a statement: the value is not
// escaped, but absent.
func FuzzClaimTextIsShapeOnly(f *testing.F) {
	f.Add("shop", "pay", "7", []byte("fingerprint"), []byte("result"), "consumer", "json")
	f.Add("'", "\\", "'; DROP TABLE t; --", []byte{0}, []byte{}, "\x00", "")
	f.Add("\xbf'", "\xe5\\'", "/* */ # ? $1 :a", []byte("'"), []byte("x'"), "\"`", "', 'hex')")
	variants, err := syntaxtest.ClaimVariants()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, scope, op, id string, fingerprint, result []byte, consumer, codec string) {
		example, v := syntaxtest.ExampleClaim(), syntaxtest.ExampleClaim()
		v.Row.Scope, v.Row.Op, v.Row.ID, v.Consumer, v.Codec = scope, op, id, consumer, codec
		v.Row.Fingerprint, v.Result = bytes.Clone(fingerprint), bytes.Clone(result)
		v.Marks = slices.Clone(v.Marks)
		v.Marks[0].ID, v.Marks[1].ID = id, scope
		copy(v.Row.Hash[:], scope)
		copy(v.Row.Owner[:], op)
		copy(v.Marks[0].Hash[:], id)
		if fingerprint == nil {
			v.Row.Fingerprint = []byte{} // without one there is a NULL: a case of its own
		}
		if result == nil {
			v.Result = []byte{}
		}
		for _, d := range variants {
			if v.Setting = example.Setting; strings.HasPrefix(d.Name, "postgres") {
				v.Setting = consumer // elsewhere it is a number that the server has said
			}
			for _, c := range syntaxtest.ClaimCases() {
				for _, bind := range []bool{false, true} {
					plain, err := c.Write(d.Dialect, bind, example)
					if err != nil {
						t.Fatal(err)
					}
					hostile, err := c.Write(d.Dialect, bind, v)
					if err != nil {
						t.Fatal(err)
					}
					sameShape(t, c.Name+" on "+d.Name, plain, hostile)
					if !bind && d.Name != "sqlite" && len(hostile.Args) > 0 {
						t.Errorf("%s on %s has arguments", c.Name, d.Name)
					}
				}
			}
		}
	})
}

func sameShape(t *testing.T, name string, plain, hostile claimsql.Statement) {
	t.Helper()
	want, _ := digits(plain.Text)
	have, values := digits(hostile.Text)
	if strings.HasPrefix(name, "savepoint") { // eight bytes of the owner are in the name
		want, have = want[:strings.LastIndex(want, "_")], have[:strings.LastIndex(have, "_")]
	}
	if have != want {
		t.Errorf("%s: with one set of values it is\n%s\nand with another\n%s", name, want, have)
	}
	for _, list := range values {
		for v := range strings.SplitSeq(list, ",") {
			if _, err := hex.DecodeString(v); err != nil {
				t.Errorf("%s: %q: %v", name, v, err)
			}
		}
	}
	if len(hostile.Args) != len(plain.Args) {
		t.Errorf("%s: %d arguments, and with another set of values %d", name, len(plain.Args), len(hostile.Args))
	}
}

// TestClaimTextHasTheValues: the digits are the values, each in its place. A bound parameter is the value itself.
func TestClaimTextHasTheValues(t *testing.T) {
	t.Parallel()
	v := syntaxtest.ExampleClaim()
	row := []string{string(v.Row.Hash[:]), v.Row.Scope, v.Row.Op, v.Row.ID, string(v.Row.Fingerprint), "", string(v.Row.Owner[:])}
	marks := []string{string(v.Marks[0].Hash[:]), v.Marks[0].ID, string(v.Marks[1].Hash[:]), v.Marks[1].ID}
	batch := append(slices.Clone(marks), v.Consumer, "", "", string(v.Row.Owner[:]))
	wants := map[string][]string{
		"claim":          row,
		"claim-key-time": row,
		"fetch":          row[:1],
		"look":           row[:1],
		"proof":          {row[0], row[6]},
		"record":         {string(v.Result), v.Codec, row[0], row[6]},
		"record-empty":   {v.Codec, row[0], row[6]},
		"info":           row[:1],
		"filter":         batch,
		"marked":         {row[6], marks[0], marks[2]},
		"fail":           {marks[0], v.Consumer, "", marks[1], exampleCall + string(v.Result), claimsql.ReportCodec, row[6], exampleCall},
		"attempts":       marks[:1],
		"dead":           {v.Consumer, ""},
		"revive":         {marks[0], marks[2]},
		"remove":         {marks[0], marks[2]},
		"lock":           {marks[0], marks[2]},
		"list":           nil,
		"list-after":     row[:1],
		"forget":         row[:1],
		"span-end":       marks[:1],
		"in-scope":       {v.Row.Scope, "", marks[0], row[0]},

		"lock-forgettable": {marks[0], marks[2]},
		"forget-all":       {marks[0], marks[2]},
	}
	variants, err := syntaxtest.ClaimVariants()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, c := range syntaxtest.ClaimCases() {
		want, ok := wants[c.Name]
		if !ok {
			continue
		}
		seen++
		for _, d := range variants {
			want := want
			switch {
			case c.Name == "filter" && strings.HasPrefix(d.Name, "postgres"): // two lists, after the other values
				want = []string{v.Consumer, "", "", row[6], marks[0] + marks[2], marks[1] + marks[3]}
			case c.Name == "filter" && strings.HasPrefix(d.Name, "mariadb"): // whose a row is, is asked at its end
				want = append(slices.Clone(batch), row[6])
			case c.Name == "filter" && oldMySQL(d.Name): // strings, and the position and the length of their parts
				want = []string{marks[0] + marks[2], v.Consumer, "", marks[1] + marks[3], "\x00\x00\x00\x01\x00\x00\x00\x03", "\x00\x00\x00\x02\x00\x00\x00\x04", row[6]}
			case c.Name == "fail" && d.Name != "sqlite" && !strings.HasPrefix(d.Name, "postgres"): // asked once a column
				want = append(slices.Clone(want), exampleCall)
			case c.Name == "remove" && (oldMySQL(d.Name) || strings.HasPrefix(d.Name, "mariadb")): // one string
				want = []string{marks[0] + marks[2]}
			}
			s, err := c.Write(d.Dialect, false, v)
			if err != nil {
				t.Fatal(err)
			}
			if s.Text == "" && slices.Contains([]string{"look", "lock", "present", "lock-forgettable"}, c.Name) {
				continue // the database has none
			}
			_, have := digits(s.Text)
			for i := range have {
				b, err := hex.DecodeString(strings.ReplaceAll(have[i], ",", ""))
				if err != nil {
					t.Fatal(err)
				}
				have[i] = string(b)
			}
			have = append(texts(t, s.Args), have...) // on SQLite values are parameters
			// A constant '' looks like an empty value, and ',' like a list of two.
			if have = slices.DeleteFunc(have, empty); !slices.Equal(have, slices.DeleteFunc(slices.Clone(want), empty)) {
				t.Errorf("%s on %s has the values %q, want %q\n%s", c.Name, d.Name, have, want, s.Text)
			}
		}
	}
	if seen != len(wants) {
		t.Errorf("%d of %d cases were seen", seen, len(wants))
	}
}

// texts returns arguments as texts.
func texts(t *testing.T, args []any) (all []string) {
	t.Helper()
	for _, a := range args {
		switch v := a.(type) {
		case string:
			all = append(all, v)
		case []byte:
			all = append(all, string(v))
		default:
			t.Fatalf("an argument is a %T; want a string or []byte", a)
		}
	}
	return all
}

// exampleCall is the call of the case fail.
const exampleCall = "c0c1c2c3c4c5c6c7"

// oldMySQL is one whose VALUES cannot stand in a SELECT.
func oldMySQL(variant string) bool { return variant == "mysql-5.7" || variant == "mysql-8.0.18" }

func empty(s string) bool { return s == "" }

// TestDigitsSeesInjection: what is trusted to see a value that is more than digits does see it.
func TestDigitsSeesInjection(t *testing.T) {
	t.Parallel()
	want, _ := digits("SELECT x'6162', '' FROM t")
	for text, same := range map[string]bool{
		"SELECT x'', '' FROM t":                   true,
		"SELECT x'00ff', '' FROM t":               true,
		"SELECT x'00fF', '' FROM t":               false,
		"SELECT x'00f\\', '' FROM t":              false,
		"SELECT x'61', '' FROM t --'":             false,
		"SELECT x'61'', '' FROM t":                false,
		"SELECT x'61' OR true, '' FROM t":         false,
		"SELECT x'61', '' FROM t; DROP TABLE t":   false,
		"SELECT x'61', '' || x'62' FROM t":        false,
		"SELECT x'61/**/', '' FROM t":             false,
		"SELECT x'6162', 'a' FROM t":              true,
		"SELECT x'6162', 'a string of it' FROM t": false,
	} {
		if have, _ := digits(text); (have == want) != same {
			t.Errorf("%s has the shape %s", text, have)
		}
	}
}
