package importer

import (
	"reflect"
	"testing"
	"time"
)

func TestConvert(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		token token
		text  string
		kind  kind
		want  any // nil: refused
	}{
		{tokenField, "12", kindInteger, int64(12)},
		{tokenField, "9223372036854775808", kindInteger, nil},
		{tokenField, "1.0", kindInteger, nil},
		{tokenField, "", kindInteger, nil},
		{tokenString, "12", kindInteger, int64(12)},
		{tokenBool, "true", kindInteger, nil},
		{tokenNested, "[1]", kindInteger, nil},
		{tokenField, "1.5e3", kindReal, 1500.0},
		{tokenField, ".5", kindReal, 0.5},
		{tokenField, "NaN", kindReal, nil},
		{tokenField, "0x1p4", kindReal, nil},
		{tokenField, "1e999", kindReal, nil},
		{tokenField, "TRUE", kindBoolean, true},
		{tokenField, "0", kindBoolean, false},
		{tokenField, "yes", kindBoolean, nil},
		{tokenBool, "false", kindBoolean, false},
		{tokenNested, "{}", kindBoolean, nil},
		{tokenBool, "true", kindFlag, true},
		{tokenField, "7", kindFlag, int64(7)},
		{tokenField, "x", kindFlag, nil},
		{tokenField, `{"a":1}`, kindJSON, `{"a":1}`},
		{tokenField, `{a:1}`, kindJSON, nil},
		{tokenString, `a<"b"`, kindJSON, `"a<\"b\""`},
		{tokenNumber, `1.50`, kindJSON, `1.50`},
		{tokenNested, `{"a":1}`, kindText, `{"a":1}`},
		{tokenNumber, `1.50`, kindText, `1.50`},
		{tokenField, "2024-02-29", kindTimestamp, time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)},
		{tokenField, "2024-02-29 12:30:00.5+02", kindTimestamp, time.Date(2024, 2, 29, 10, 30, 0, 5e8, time.UTC)},
		{tokenString, "2024-02-29T12:30:00Z", kindTimestamp, time.Date(2024, 2, 29, 12, 30, 0, 0, time.UTC)},
		{tokenField, "2023-02-29", kindTimestamp, nil},
		{tokenNumber, "9007199254740993", kindAny, int64(9007199254740993)},
		{tokenNumber, "0.5", kindAny, 0.5},
		{tokenNumber, "0.12345678901234567890", kindAny, "0.12345678901234567890"},
		{tokenBool, "true", kindAny, true},
		{tokenField, "12", kindAny, "12"},
	} {
		got, ok := convert(cell{text: c.text, token: c.token}, c.kind)
		if ok != (c.want != nil) || ok && !reflect.DeepEqual(got, c.want) {
			t.Errorf("convert(%d %q, %v) = %#v, %t; want %#v", c.token, c.text, c.kind, got, ok, c.want)
		}
	}
}

func TestExact(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"0": true, "-0.0": true, "0.1": true, "1.50": true, "120": true, "0.30000000000000004": true, "1e3": true, "5e-324": true,
		"0.1000000000000000055511151231257827": false, "9007199254740993": false, "1e400": false, "1e-400": false,
		"3.14159265358979323846": false,
	} {
		if got := exact(text); got != want {
			t.Errorf("exact(%q) = %t; want %t", text, got, want)
		}
	}
}

func TestColumn_ValueChecks(t *testing.T) {
	t.Parallel()
	key := column{name: "k", kind: kindText, key: true, stored: tableColumn{kind: kindText, limits: limits{runes: 2}}}
	_, err := key.value(cell{token: tokenNull})
	wantError(t, err, `key column "k" is NULL`)
	_, err = key.value(cell{token: tokenField, text: "äöü"})
	wantError(t, err, `column "k": 3 characters, and the table's column has room for 2`)
	if got, err := key.value(cell{token: tokenField, text: "äö"}); got != "äö" || err != nil {
		t.Fatalf("%v, %v; want two characters taken", got, err)
	}
	untyped := column{name: "k", key: true}
	if got, err := untyped.value(cell{token: tokenNumber, text: "12"}); got != "12" || err != nil {
		t.Fatalf("%#v, %v; want the text of a key whose type is not known", got, err)
	}
	number := column{name: "n", kind: kindInteger}
	_, err = number.value(cell{token: tokenField, text: "x"})
	wantError(t, err, `column "n": "x" is not of type integer`)
	if got, err := number.value(cell{token: tokenNull}); got != nil || err != nil {
		t.Fatalf("%v, %v; want NULL taken", got, err)
	}
}
