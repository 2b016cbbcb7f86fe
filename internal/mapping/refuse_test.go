package mapping_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/mapping"
)

type (
	base  struct{ ID int64 }
	keyed struct {
		ID int64 `upsert:"key"`
	}
	list   struct{ Next *list }
	tree   struct{ Left, Right *branch }
	branch struct{ Up *tree }
	hidden struct {
		ID int64 `upsert:"key"`
	}
	outer struct{ Inner inner }
	inner struct {
		Deep struct {
			Flag int `upsert:"or"`
		}
	}
)

// refused is a type that is no row, the field that is to blame, and what the error must say.
type refused struct {
	row   reflect.Type
	field string
	says  string
}

func check(t *testing.T, cases map[string]refused) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := mapping.OfStruct(c.row, nil)
			var tag *mapping.TagError
			if !errors.As(err, &tag) {
				t.Fatalf("the error is %v, want a *TagError that says %q", err, c.says)
			}
			if tag.Type != c.row || tag.Field != c.field || !strings.Contains(tag.Reason, c.says) {
				t.Errorf("type %v, field %q, reason %q\nwant type %v, field %q, a reason that has %q", tag.Type, tag.Field, tag.Reason, c.row, c.field, c.says)
			}
			if !strings.HasPrefix(err.Error(), "upsert: type ") || c.field != "" && !strings.Contains(err.Error(), "field "+c.field+": ") {
				t.Errorf("message %q does not begin with the program's name, or lacks the field", err)
			}
			if _, again := mapping.OfStruct(c.row, nil); !errors.Is(again, err) {
				t.Errorf("asked again the error is %v, want the same", again)
			}
		})
	}
}

func TestTagIsRefused(t *testing.T) {
	t.Parallel()
	check(t, map[string]refused{
		"misspelt": {reflect.TypeFor[struct {
			ID   int64  `upsert:"key"`
			Name string `upsert:"coalece"`
		}](), "Name", `is "coalesce" meant?`},
		"unknown in a nested struct": {reflect.TypeFor[struct {
			At struct {
				City string `upsert:"zzzzzzzzz"`
			}
		}](), "At.City", "there are replace, key"},
		"twice": {reflect.TypeFor[struct {
			ID int64 `upsert:"key,key"`
		}](), "ID", "there twice"},
		"two rules": {reflect.TypeFor[struct {
			N int `upsert:"max,min"`
		}](), "N", "a column has one"},
		"target without a name": {reflect.TypeFor[struct {
			N int `upsert:"key="`
		}](), "N", "lacks the target's name"},
		"unexported with upsert": {reflect.TypeFor[struct {
			ID int64 `upsert:"key"`
			n  int   `upsert:"keep"`
		}](), "n", "export it, or remove the tag"},
		"unexported with db": {reflect.TypeFor[struct {
			ID int64 `upsert:"key"`
			n  int   `db:"n"`
		}](), "n", "export it, or remove the tag"},
		"db:-": {reflect.TypeFor[struct {
			ID int64 `upsert:"key"`
			N  int   `db:"-" upsert:"keep"`
		}](), "N", "remove the tag"},
		"empty tag on db:-": {reflect.TypeFor[struct {
			N int `db:"-" upsert:""`
		}](), "N", "remove the tag"},
		"on a nested struct": {reflect.TypeFor[struct {
			ID int64 `upsert:"key"`
			At named `upsert:"keep"`
		}](), "At", "tag its fields"},
		"on a pointer to a nested struct": {reflect.TypeFor[struct {
			At *named `upsert:"keep"`
		}](), "At", "tag its fields"},
		"on an embedded struct": {reflect.TypeFor[struct {
			base `upsert:"key"`
		}](), "base", "tag its fields"},
		"db tag without a name": {reflect.TypeFor[struct {
			ID int64 `db:",omitempty"`
		}](), "ID", "names no column"},
	})
}

func TestColumnNameIsRefusedTwice(t *testing.T) {
	t.Parallel()
	check(t, map[string]refused{
		"two fields": {reflect.TypeFor[struct {
			A int `db:"x"`
			B int `db:"x"`
		}](), "B", `column "x" is also that of A`},
		"field and mapped name": {reflect.TypeFor[struct {
			Name  string
			Other string `db:"name"`
		}](), "Other", `column "name" is also that of Name`},
		"shadowed embedded field": {reflect.TypeFor[struct {
			base
			ID string
		}](), "ID", `column "id" is also that of base.ID`},
		"two embedded structs": {reflect.TypeFor[struct {
			base
			keyed
		}](), "keyed.ID", `column "id" is also that of base.ID`},
		"nested and dotted": {reflect.TypeFor[struct {
			At  struct{ City string }
			Oth string `db:"at.city"`
		}](), "Oth", `column "at.city" is also that of At.City`},
	})
}

func TestRuleThatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	check(t, map[string]refused{
		"or on an int": {reflect.TypeFor[struct {
			N int `upsert:"or"`
		}](), "N", `rule "or" does not fit a number`},
		"and on a string": {reflect.TypeFor[struct {
			N string `upsert:"and"`
		}](), "N", `rule "and" does not fit a string`},
		"or on a NullInt64": {reflect.TypeFor[struct {
			N sql.NullInt64 `upsert:"or"`
		}](), "N", `rule "or" does not fit a number`},
		"merge on a float": {reflect.TypeFor[struct {
			N float64 `upsert:"merge"`
		}](), "N", `rule "merge" does not fit a number`},
		"merge on a *bool": {reflect.TypeFor[struct {
			N *bool `upsert:"merge"`
		}](), "N", `rule "merge" does not fit a boolean`},
		"max on a bool": {reflect.TypeFor[struct {
			N bool `upsert:"max"`
		}](), "N", `rule "max" does not fit a boolean`},
		"min on JSON": {reflect.TypeFor[struct {
			N json.RawMessage `upsert:"min"`
		}](), "N", `rule "min" does not fit a JSON document`},
		"add on a string": {reflect.TypeFor[struct {
			N string `upsert:"add"`
		}](), "N", `rule "add" does not fit a string`},
		"add on a time": {reflect.TypeFor[struct {
			N time.Time `upsert:"add"`
		}](), "N", `rule "add" does not fit a time`},
		"add on a Null": {reflect.TypeFor[struct {
			N sql.Null[string] `upsert:"add"`
		}](), "N", `rule "add" does not fit a string`},
		"version on bool": {reflect.TypeFor[struct {
			N bool `upsert:"version"`
		}](), "N", `rule "version" does not fit a boolean`},
		"key on JSON": {reflect.TypeFor[struct {
			N json.RawMessage `upsert:"key"`
		}](), "N", `rule "key" does not fit a JSON document`},
		"key on a list": {reflect.TypeFor[struct {
			N []string `upsert:"key"`
		}](), "N", `rule "key" does not fit a list or map`},
		"named target on a list": {reflect.TypeFor[struct {
			N []int `upsert:"key=x"`
		}](), "N",
			`does not fit a list or map`},
		"in depth": {reflect.TypeFor[outer](), "Inner.Deep.Flag", `rule "or" does not fit a number`},
	})
}

func TestModifierThatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	check(t, map[string]refused{
		"now alone": {reflect.TypeFor[struct {
			At time.Time `upsert:"now"`
		}](), "At", `"now" goes with keep, fill or touch`},
		"now with replace": {reflect.TypeFor[struct {
			At time.Time `upsert:"replace,now"`
		}](), "At", `"now" goes with keep, fill or touch`},
		"now with a key": {reflect.TypeFor[struct {
			At time.Time `upsert:"key,now"`
		}](), "At", `"now" goes with keep, fill or touch`},
		"now with coalesce": {reflect.TypeFor[struct {
			At time.Time `upsert:"coalesce,now"`
		}](), "At", `"now" goes with keep, fill or touch`},
		"now with version": {reflect.TypeFor[struct {
			At time.Time `upsert:"version,now"`
		}](), "At", `"now" goes with keep, fill or touch`},
		"now with generated": {reflect.TypeFor[struct {
			At time.Time `upsert:"generated,now"`
		}](), "At", `"now" goes with keep, fill or touch`},
		"now and omitzero": {reflect.TypeFor[struct {
			At time.Time `upsert:"touch,now,omitzero"`
		}](), "At", "exclude each other"},
		"now in a target": {reflect.TypeFor[struct {
			At time.Time `upsert:"keep,now,key=x"`
		}](), "At", "cannot be part of a conflict target"},
		"omitzero on a key": {reflect.TypeFor[struct {
			N int `upsert:"key,omitzero"`
		}](), "N", `"omitzero" does not go with "key"`},
		"omitzero in a target": {reflect.TypeFor[struct {
			N int `upsert:"omitzero,key=x"`
		}](), "N", `"omitzero" does not go with "key=x"`},
		"omitzero on version": {reflect.TypeFor[struct {
			N int `upsert:"version,omitzero"`
		}](), "N", `"omitzero" does not go with "version"`},
		"omitzero generated": {reflect.TypeFor[struct {
			N int `upsert:"generated,omitzero"`
		}](), "N", `"omitzero" does not go with "generated"`},
		"generated target": {reflect.TypeFor[struct {
			N int `upsert:"generated,key=x"`
		}](), "N", "it cannot be part of a conflict target"},
		"now on a number": {reflect.TypeFor[struct {
			N int `upsert:"touch,now"`
		}](), "N", "now"},
		"now on a bool": {reflect.TypeFor[struct {
			N bool `upsert:"keep,now"`
		}](), "N", "now"},
	})
}

func TestNullableKeyIsRefused(t *testing.T) {
	t.Parallel()
	const says = "a key that can be NULL matches no row: use a type without NULL"
	check(t, map[string]refused{
		"pointer": {reflect.TypeFor[struct {
			ID *int64 `upsert:"key"`
		}](), "ID", says},
		"pointer to pointer": {reflect.TypeFor[struct {
			ID **int64 `upsert:"key"`
		}](), "ID", says},
		"sql.NullString": {reflect.TypeFor[struct {
			ID sql.NullString `upsert:"key"`
		}](), "ID", says},
		"sql.NullTime": {reflect.TypeFor[struct {
			ID sql.NullTime `upsert:"key"`
		}](), "ID", says},
		"sql.Null": {reflect.TypeFor[struct {
			ID sql.Null[int] `upsert:"key"`
		}](), "ID", says},
		"*time.Time": {reflect.TypeFor[struct {
			ID *time.Time `upsert:"key"`
		}](), "ID", says},
		"pointer to Valuer": {reflect.TypeFor[struct {
			ID *money `upsert:"key"`
		}](), "ID", says},
		"pointer Valuer": {reflect.TypeFor[struct {
			ID *stamp `upsert:"key"`
		}](), "ID", says},
		"named target": {reflect.TypeFor[struct {
			ID *int64 `upsert:"key=x"`
		}](), "ID", says},
		"embedded pointer": {reflect.TypeFor[struct{ *Keyed }](), "Keyed.ID", says},
		"below a pointer": {reflect.TypeFor[struct {
			At *struct{ In keyed }
		}](), "At.In.ID", says},
	})
}

// unexportedValuers has two, so that neither one's methods are its own.
type unexportedValuers struct {
	money  //nolint:unused // for reflection
	broken //nolint:unused // for reflection
}

// Keyed is exported, because sqlx can fill an embedded pointer to an exported type only.
type Keyed struct {
	ID int64 `upsert:"key"`
}

func TestTypeThatIsNoColumnIsRefused(t *testing.T) {
	t.Parallel()
	check(t, map[string]refused{
		"contains itself":         {reflect.TypeFor[list](), "Next", "contains itself: leave the field out with `db:\"-\"`"},
		"contains itself in two":  {reflect.TypeFor[tree](), "Left.Up", "contains itself"},
		"netip.Addr":              {reflect.TypeFor[struct{ IP netip.Addr }](), "IP", "implement driver.Valuer, or leave it out with `db:\"-\"`"},
		"pointer to netip.Addr":   {reflect.TypeFor[struct{ IP *netip.Addr }](), "IP", "no exported fields and no Value method"},
		"big.Int":                 {reflect.TypeFor[struct{ N *big.Int }](), "N", "no exported fields and no Value method"},
		"String method":           {reflect.TypeFor[struct{ N opaque }](), "N", "no exported fields and no Value method"},
		"named time.Time":         {reflect.TypeFor[struct{ At myTime }](), "At", "no exported fields and no Value method"},
		"empty struct":            {reflect.TypeFor[struct{ X struct{} }](), "X", "no exported fields and no Value method"},
		"Scanner without Valuer":  {reflect.TypeFor[struct{ S sink }](), "S", "a Scan method but no Value method, so it cannot be written"},
		"*Scanner without Valuer": {reflect.TypeFor[struct{ S *sink }](), "S", "a Scan method but no Value method"},
		"unexported pointer":      {reflect.TypeFor[struct{ *hidden }](), "hidden", "embed the struct itself"},
		"no columns at all":       {reflect.TypeFor[struct{ a, b int }](), "", "no exported field that is a column"},
		"nothing":                 {reflect.TypeFor[struct{}](), "", "no exported field that is a column"},
		"an int":                  {reflect.TypeFor[int](), "", "a row is a struct or a map[string]any"},
		"a time":                  {reflect.TypeFor[time.Time](), "", "a row is a struct or a map[string]any"},
		"a sql.NullInt64":         {reflect.TypeFor[sql.NullInt64](), "", "a row is a struct or a map[string]any"},
		"a pointer to a row":      {reflect.TypeFor[*keyed](), "", "a row is a struct or a map[string]any"},
		"another map":             {reflect.TypeFor[map[string]string](), "", "a row is a struct or a map[string]any"},
		"a function":              {reflect.TypeFor[struct{ F func() }](), "F", "implement driver.Valuer"},
		"a map":                   {reflect.TypeFor[struct{ M map[string]int }](), "M", "use json.RawMessage for a document, implement driver.Valuer"},
		"a pointer to a map":      {reflect.TypeFor[struct{ M *map[string]any }](), "M", "implement driver.Valuer"},
		"a list of maps":          {reflect.TypeFor[struct{ M []map[string]any }](), "M", "implement driver.Valuer"},
		"a list of functions":     {reflect.TypeFor[struct{ F [2]func() }](), "F", "implement driver.Valuer"},
		"a channel":               {reflect.TypeFor[struct{ C chan int }](), "C", "implement driver.Valuer"},
		"a complex number":        {reflect.TypeFor[struct{ C complex128 }](), "C", "implement driver.Valuer"},
		"unexported number":       {reflect.TypeFor[struct{ level }](), "level", ""},
		"unexported Valuer":       {reflect.TypeFor[unexportedValuers](), "money", ""},
	})
}

func TestScannerWithoutValuerMayBeGenerated(t *testing.T) {
	t.Parallel()
	if _, err := planOf[struct {
		ID int64 `upsert:"key"`
		S  sink  `upsert:"generated"`
	}](); err != nil {
		t.Errorf("a generated column is only read, so a Scan method is enough: %v", err)
	}
}

func TestStringMethodMakesNoColumn(t *testing.T) {
	t.Parallel()
	p, err := planOf[struct {
		ID   int64 `upsert:"key"`
		Name named
		URL  *url.URL `db:"-"`
		Rank level
	}]()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(columnNames(p), " "), "id name.first name.last rank"; got != want {
		t.Errorf("columns %s, want %s: a String method says nothing about columns", got, want)
	}
	if c := p.Columns[3]; c.Kind != dialect.KindNumber {
		t.Errorf("a number with a String method has kind %v, want KindNumber", c.Kind)
	}
}

func TestMapColumnIsRefused(t *testing.T) {
	t.Parallel()
	col := func(name string, o mapping.Options) mapping.MapColumn {
		return mapping.MapColumn{Name: name, Options: o}
	}
	for name, c := range map[string]struct {
		cols []mapping.MapColumn
		says string
	}{
		"twice":          {[]mapping.MapColumn{col("a", mapping.Options{}), col("a", mapping.Options{Rule: dialect.Keep})}, `upsert: type map[string]interface {}, field a: column "a" is`},
		"now on a key":   {[]mapping.MapColumn{col("a", mapping.Options{Rule: dialect.Key, Now: true})}, `"now" goes with keep, fill or touch`},
		"omitzero key":   {[]mapping.MapColumn{col("a", mapping.Options{Rule: dialect.Key, OmitZero: true})}, `"omitzero" does not go with "key"`},
		"no such rule":   {[]mapping.MapColumn{col("a", mapping.Options{Rule: 99})}, "Rule(99)"},
		"no such rule -": {[]mapping.MapColumn{col("a", mapping.Options{Rule: -1})}, "Rule(-1)"},
	} {
		var tag *mapping.TagError
		_, err := mapping.OfMap(c.cols)
		if !errors.As(err, &tag) || tag.Type != mapping.MapType || tag.Field != "a" || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want a *TagError of column a that has %q", name, err, c.says)
		}
		if err != nil && strings.Contains(err.Error(), "`db:") {
			t.Errorf("%s: %v: a map has no tags to change", name, err)
		}
	}
}
