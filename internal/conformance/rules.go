package conformance

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goupsert/upsert"
)

// cells is a row type with one column for each rule. Each column has the name of its rule. The option Columns selects one column.
type cells[V any] struct {
	ID       int64 `db:"id" upsert:"key"`
	Replace  *V    `db:"replace"`
	Keep     *V    `db:"keep" upsert:"keep"`
	Fill     *V    `db:"fill" upsert:"fill"`
	Coalesce *V    `db:"coalesce" upsert:"coalesce"`
	Max      *V    `db:"max" upsert:"max"`
	Min      *V    `db:"min" upsert:"min"`
}

// flags is like cells but has the rules that apply to booleans only.
type flags struct {
	ID       int64 `db:"id" upsert:"key"`
	Replace  *bool `db:"replace"`
	Keep     *bool `db:"keep" upsert:"keep"`
	Fill     *bool `db:"fill" upsert:"fill"`
	Coalesce *bool `db:"coalesce" upsert:"coalesce"`
	Or       *bool `db:"or" upsert:"or"`
	And      *bool `db:"and" upsert:"and"`
}

// ruleTable lists for each rule: the stored value (-, lo or hi), the put value, the resulting value, and the outcome.
const ruleTable = `
replace   -  -  = -  unchanged
          -  lo = lo updated
          -  hi = hi updated
          lo -  = -  updated
          lo lo = lo unchanged
          lo hi = hi updated
          hi -  = -  updated
          hi lo = lo updated
          hi hi = hi unchanged
keep      -  -  = -  unchanged
          -  lo = -  unchanged
          -  hi = -  unchanged
          lo -  = lo unchanged
          lo lo = lo unchanged
          lo hi = lo unchanged
          hi -  = hi unchanged
          hi lo = hi unchanged
          hi hi = hi unchanged
fill      -  -  = -  unchanged
          -  lo = lo updated
          -  hi = hi updated
          lo -  = lo unchanged
          lo lo = lo unchanged
          lo hi = lo unchanged
          hi -  = hi unchanged
          hi lo = hi unchanged
          hi hi = hi unchanged
coalesce  -  -  = -  unchanged
          -  lo = lo updated
          -  hi = hi updated
          lo -  = lo unchanged
          lo lo = lo unchanged
          lo hi = hi updated
          hi -  = hi unchanged
          hi lo = lo updated
          hi hi = hi unchanged
max or    -  -  = -  unchanged
          -  lo = lo updated
          -  hi = hi updated
          lo -  = lo unchanged
          lo lo = lo unchanged
          lo hi = hi updated
          hi -  = hi unchanged
          hi lo = hi unchanged
          hi hi = hi unchanged
min and   -  -  = -  unchanged
          -  lo = lo updated
          -  hi = hi updated
          lo -  = lo unchanged
          lo lo = lo unchanged
          lo hi = lo unchanged
          hi -  = hi unchanged
          hi lo = lo updated
          hi hi = hi unchanged
`

// ruleCase is a line of ruleTable.
type ruleCase struct {
	stored, put, want string
	outcome           upsert.Outcome
}

func casesOf(rule string) (cases []ruleCase) {
	in := false
	for line := range strings.Lines(ruleTable) {
		f := strings.Fields(line)
		if len(f) < 5 {
			continue
		}
		if names := f[:len(f)-5]; len(names) > 0 {
			in = slices.Contains(names, rule)
		}
		if f = f[len(f)-5:]; in {
			cases = append(cases, ruleCase{f[0], f[1], f[3], outcomeOf(f[4])})
		}
	}
	return cases
}

func outcomeOf(word string) upsert.Outcome {
	for _, o := range []upsert.Outcome{inserted, updated, unchanged, stale} {
		if o.String() == word {
			return o
		}
	}
	return upsert.Unknown
}

func ruleBehaviours() []behaviour {
	at := time.Date(2026, 2, 28, 23, 59, 59, 123456000, time.UTC)
	return slices.Concat([]behaviour{
		{name: "of integers", run: func(p *place) { checkRules[cells[int64]](p, "{int}", int64(-5), 7) }},
		{name: "of text", run: func(p *place) { checkRules[cells[string]](p, "{text}", "apple", "pear") }},
		{name: "of text that a collation takes for equal", run: func(p *place) {
			checkRules[cells[string]](p, "{text}", "Zoë", "zoe ", "replace", "keep", "fill", "coalesce")
		}},
		{name: "of floats", run: func(p *place) { checkRules[cells[float64]](p, "{float}", -0.1, 1e300) }},
		{name: "of times", run: func(p *place) { checkRules[cells[time.Time]](p, "{time}", at, at.Add(time.Microsecond)) }},
		{name: "of bytes", run: func(p *place) { checkRules[cells[[]byte]](p, "{bytes}", []byte{0}, []byte{0xff, 0}) }},
		{name: "of booleans", run: func(p *place) { checkRules[flags](p, "{bool}", false, true) }},
	}, versionBehaviours(), touchBehaviours())
}

// checkRules checks the named rules of T's columns. Without names, it checks all rules.
func checkRules[T, V any](p *place, typ string, lo, hi V, rules ...string) {
	columns, all := "id {int} NOT NULL PRIMARY KEY", []string(nil)
	for i := range reflect.TypeFor[T]().NumField() - 1 {
		rule := reflect.TypeFor[T]().Field(i + 1).Tag.Get("db")
		columns, all = columns+", "+p.quote(rule)+" "+typ, append(all, rule)
	}
	if len(rules) == 0 {
		rules = all
	}
	p.create("cells", columns)
	for _, rule := range rules {
		checkRule[T](p, rule, lo, hi)
	}
}

// checkRule checks the lines of one rule with Put, with one PutAll, and with rows that are maps.
func checkRule[T, V any](p *place, rule string, lo, hi V) {
	r := ruleRun[T, V]{rule: rule, cases: casesOf(rule), values: map[string]*V{"-": nil, "lo": &lo, "hi": &hi}}
	if len(r.cases) != 9 {
		p.Fatalf("%d cases of rule %s, want 9", len(r.cases), rule)
	}
	tab := table[T](p, "cells", upsert.Columns("id", rule))
	var rows []T
	var maps []map[string]any
	var want []upsert.Outcome
	for i, c := range r.cases {
		m := map[string]any{"id": i, rule: nil}
		if v := r.values[c.put]; v != nil {
			m[rule] = *v
		}
		rows, maps, want = append(rows, r.row(i, c.put)), append(maps, m), append(want, c.outcome)
	}
	again := slices.Repeat([]upsert.Outcome{unchanged}, len(rows))
	r.on(p, rule+" Put", func(p *place) {
		for i := range rows {
			put(p, tab, &rows[i], want[i])
			put(p, tab, &rows[i], unchanged)
		}
	})
	r.on(p, rule+" PutAll", func(p *place) {
		putAll(p, tab, rows, want...)
		putAll(p, tab, rows, again...)
	})
	r.on(p, rule+" maps", func(p *place) {
		putAll(p, table[map[string]any](p, "cells", upsert.Column("id", upsert.Key), upsert.Column(rule, ruleOf(rule))), maps, want...)
	})
}

// ruleRun holds the lines of one rule and the two values of a type.
type ruleRun[T, V any] struct {
	rule   string
	cases  []ruleCase
	values map[string]*V
}

func (r *ruleRun[T, V]) row(at int, value string) (row T) {
	v := reflect.ValueOf(&row).Elem()
	v.Field(0).SetInt(int64(at))
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("db") == r.rule {
			v.Field(i).Set(reflect.ValueOf(r.values[value]))
		}
	}
	return row
}

// on stores the initial rows, calls f, and compares the stored rows with the wanted rows.
func (r *ruleRun[T, V]) on(p *place, name string, f func(*place)) {
	p.on(name, func(p *place) {
		p.exec("DELETE FROM cells")
		for i, c := range r.cases {
			p.exec("INSERT INTO cells (id, "+p.quote(r.rule)+") VALUES (?, ?)", i, r.values[c.stored])
		}
		f(p)
		for i, c := range r.cases {
			got := get[T](p, "SELECT * FROM cells WHERE id = ?", i)
			wantSame(p, c.stored+" stored, "+c.put+" put", got, r.row(i, c.want))
		}
	})
}

func ruleOf(word string) upsert.Rule {
	for r := upsert.Replace; r <= upsert.Generated; r++ {
		if r.String() == word {
			return r
		}
	}
	return upsert.Replace
}
