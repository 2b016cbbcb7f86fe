package mapping_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/mapping"
)

func TestMapRowIsChecked(t *testing.T) {
	t.Parallel()
	p, err := mapping.OfMap([]mapping.MapColumn{
		{Name: "id", Options: mapping.Options{Rule: dialect.Key}}, {Name: "v"}, {Name: "serial", Options: mapping.Options{Rule: dialect.Generated}},
		{Name: "at", Options: mapping.Options{Rule: dialect.Touch, Now: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !p.IsMap() {
		t.Error("IsMap() is false")
	}
	for _, c := range []struct {
		row  map[string]any
		says string
	}{
		{map[string]any{"id": 1, "v": 2}, ""},
		{map[string]any{"id": 1, "v": nil}, ""},
		{map[string]any{"id": 1, "v": 2, "serial": 7}, ""},
		{map[string]any{"id": 1}, `column "v" is missing`},
		{map[string]any{}, `column "id" is missing`},
		{nil, `column "id" is missing`},
		{map[string]any{"id": 1, "V": 2}, `column "v" is missing`},
		{map[string]any{"id": 1, "v": 2, "zz": 3, "w": 4}, `column "w" is not one of the table's`},
		{map[string]any{"id": 1, "v": 2, "serial": 7, "w": 4}, `column "w" is not one of the table's`},
		{map[string]any{"id": 1, "v": 2, "at": time.Now()}, ""}, // as GetOrCreate leaves it
	} {
		switch err := p.Check(reflect.ValueOf(c.row)); {
		case c.says == "" && err != nil:
			t.Errorf("%v: %v", c.row, err)
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%v: %v, want an error that has %q", c.row, err, c.says)
		}
	}
}
