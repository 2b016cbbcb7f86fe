package conformance

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goupsert/upsert"
)

// A cell is a row with one column of a rule.
type (
	replaceCell[V any] struct {
		ID int64 `db:"id" upsert:"key"`
		V  *V    `db:"v"`
	}
	keepCell[V any] struct {
		ID int64 `db:"id" upsert:"key"`
		V  *V    `db:"v" upsert:"keep"`
	}
	fillCell[V any] struct {
		ID int64 `db:"id" upsert:"key"`
		V  *V    `db:"v" upsert:"fill"`
	}
	coalesceCell[V any] struct {
		ID int64 `db:"id" upsert:"key"`
		V  *V    `db:"v" upsert:"coalesce"`
	}
	maxCell[V any] struct {
		ID int64 `db:"id" upsert:"key"`
		V  *V    `db:"v" upsert:"max"`
	}
	minCell[V any] struct {
		ID int64 `db:"id" upsert:"key"`
		V  *V    `db:"v" upsert:"min"`
	}
	orCell struct {
		ID int64 `db:"id" upsert:"key"`
		V  *bool `db:"v" upsert:"or"`
	}
	andCell struct {
		ID int64 `db:"id" upsert:"key"`
		V  *bool `db:"v" upsert:"and"`
	}
)

// ruleTable says for each rule what is stored (-, lo or hi), what is put, what is stored then, and the outcome.
const ruleTable = `
rule      -  -  = -  unchanged
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
	if rule == "replace" {
		rule = "rule" // a column without a rule
	}
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
		{name: "of integers", run: func(p *place) { checkOrdered(p, "{int}", int64(-5), 7) }},
		{name: "of text", run: func(p *place) { checkOrdered(p, "{text}", "apple", "pear") }},
		{name: "of text that a collation takes for equal", run: func(p *place) { checkPlain(p, "{text}", "Zoë", "zoe ") }},
		{name: "of floats", run: func(p *place) { checkOrdered(p, "{float}", -0.1, 1e300) }},
		{name: "of times", run: func(p *place) { checkOrdered(p, "{time}", at, at.Add(time.Microsecond)) }},
		{name: "of bytes", run: func(p *place) { checkOrdered(p, "{bytes}", []byte{0}, []byte{0xff, 0}) }},
		{name: "of booleans", run: func(p *place) {
			checkPlain(p, "{bool}", false, true)
			checkRule[orCell](p, "or", "{bool}", false, true)
			checkRule[andCell](p, "and", "{bool}", false, true)
		}},
	}, versionBehaviours(), touchBehaviours())
}

func checkPlain[V any](p *place, typ string, lo, hi V) {
	checkRule[replaceCell[V]](p, "replace", typ, lo, hi)
	checkRule[keepCell[V]](p, "keep", typ, lo, hi)
	checkRule[fillCell[V]](p, "fill", typ, lo, hi)
	checkRule[coalesceCell[V]](p, "coalesce", typ, lo, hi)
}

func checkOrdered[V any](p *place, typ string, lo, hi V) {
	checkPlain(p, typ, lo, hi)
	checkRule[maxCell[V]](p, "max", typ, lo, hi)
	checkRule[minCell[V]](p, "min", typ, lo, hi)
}

// checkRule runs a rule's table by Put, by one PutAll of all its lines, and with rows that are maps.
func checkRule[T, V any](p *place, rule, typ string, lo, hi V) {
	values := map[string]*V{"-": nil, "lo": &lo, "hi": &hi}
	cases := casesOf(rule)
	if len(cases) != 9 {
		p.Fatalf("%d cases of rule %s, want 9", len(cases), rule)
	}
	name := "cell_" + rule
	p.create(name, "id {int} NOT NULL PRIMARY KEY, v "+typ)
	tab := table[T](p, name)
	row := func(at int, value string) (row T) {
		v := reflect.ValueOf(&row).Elem()
		v.Field(0).SetInt(int64(at))
		v.Field(1).Set(reflect.ValueOf(values[value]))
		return row
	}
	reset := func(p *place) {
		p.exec("DELETE FROM " + name)
		for i, c := range cases {
			p.exec("INSERT INTO "+name+" (id, v) VALUES (?, ?)", i, values[c.stored])
		}
	}
	check := func(p *place) {
		p.Helper()
		for i, c := range cases {
			got := get[T](p, "SELECT id, v FROM "+name+" WHERE id = ?", i)
			wantSame(p, c.stored+" stored, "+c.put+" put", got, row(i, c.want))
		}
	}
	var rows, wanted = []T{}, []upsert.Outcome{}
	again := slices.Repeat([]upsert.Outcome{unchanged}, len(cases))
	for i, c := range cases {
		rows, wanted = append(rows, row(i, c.put)), append(wanted, c.outcome)
	}
	p.on(rule+" Put", func(p *place) {
		reset(p)
		for i := range rows {
			put(p, tab, &rows[i], wanted[i])
			put(p, tab, &rows[i], unchanged)
		}
		check(p)
	})
	p.on(rule+" PutAll", func(p *place) {
		reset(p)
		putAll(p, tab, rows, wanted...)
		check(p)
		putAll(p, tab, rows, again...)
		check(p)
	})
	p.on(rule+" maps", func(p *place) {
		reset(p)
		maps := table[map[string]any](p, name, upsert.Column("id", upsert.Key), upsert.Column("v", ruleOf(rule)))
		var mapped []map[string]any
		for i, c := range cases {
			m := map[string]any{"id": i, "v": nil}
			if v := values[c.put]; v != nil {
				m["v"] = *v
			}
			mapped = append(mapped, m)
		}
		putAll(p, maps, mapped, wanted...)
		check(p)
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
