package model_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"

	"github.com/goupsert/upsert"
)

// model predicts the contents of a table. It implements the documented rules in plain Go, without a database.
type model struct {
	cols []modelColumn
	rows map[string]map[string]any // by key
}

type modelColumn struct {
	name string
	kind string // int, bool, text, json
	rule upsert.Rule
}

func newModel(cols []modelColumn) *model {
	return &model{cols: cols, rows: map[string]map[string]any{}}
}

func (m *model) key(row map[string]any) string {
	var k []any
	for _, c := range m.cols {
		if c.rule == upsert.Key {
			k = append(k, row[c.name])
		}
	}
	return fmt.Sprint(k...)
}

// put applies one row and returns its outcome.
func (m *model) put(row map[string]any) upsert.Outcome {
	k := m.key(row)
	old, ok := m.rows[k]
	if !ok {
		fresh := maps.Clone(row)
		for _, c := range m.cols {
			if c.rule == upsert.Merge && fresh[c.name] != nil {
				fresh[c.name] = mergePatch(map[string]any{}, decode(fresh[c.name]))
			}
		}
		m.rows[k] = fresh
		return upsert.Inserted
	}
	next, changed := m.apply(old, row)
	v := m.version()
	switch {
	case v == "" && !changed:
		return upsert.Unchanged
	case v == "" || newer(row[v], old[v]):
		m.rows[k] = next
		return upsert.Updated
	case equal(row[v], old[v]) && !changed:
		return upsert.Unchanged
	}
	return upsert.Stale
}

func (m *model) version() string {
	for _, c := range m.cols {
		if c.rule == upsert.Version {
			return c.name
		}
	}
	return ""
}

// apply returns the row that the rules produce. changed reports whether a column other than the touched columns and the
// version changed.
func (m *model) apply(old, row map[string]any) (next map[string]any, changed bool) {
	next = map[string]any{}
	for _, c := range m.cols {
		next[c.name] = c.value(old[c.name], row[c.name])
		if c.rule != upsert.Touch && c.rule != upsert.Version && !equal(next[c.name], old[c.name]) {
			changed = true
		}
	}
	for _, c := range m.cols {
		if c.rule == upsert.Touch && !changed && m.version() == "" {
			next[c.name] = old[c.name]
		}
	}
	return next, changed
}

func (c modelColumn) value(old, fresh any) any {
	switch c.rule {
	case upsert.Key, upsert.Keep:
		return old
	case upsert.Fill:
		return first(old, fresh)
	case upsert.Coalesce:
		return first(fresh, old)
	case upsert.Max, upsert.Or:
		return greater(old, fresh)
	case upsert.Min, upsert.And:
		return lesser(old, fresh)
	case upsert.Add:
		if old == nil || fresh == nil {
			return first(old, fresh)
		}
		return old.(int64) + fresh.(int64)
	case upsert.Merge:
		if fresh == nil {
			return old
		}
		target := decode(old)
		if target == nil {
			target = map[string]any{}
		}
		return mergePatch(target, decode(fresh))
	}
	return fresh
}

func first(a, b any) any {
	if a != nil {
		return a
	}
	return b
}

func greater(a, b any) any {
	if a == nil || b != nil && less(a, b) {
		return b
	}
	return a
}

func lesser(a, b any) any {
	if a == nil || b != nil && less(b, a) {
		return b
	}
	return a
}

func newer(a, b any) bool { return a != nil && (b == nil || less(b, a)) }

func less(a, b any) bool {
	switch a := a.(type) {
	case int64:
		return a < b.(int64)
	case string:
		return a < b.(string)
	case bool:
		return !a && b.(bool)
	}
	panic(fmt.Sprintf("less: %T", a))
}

func equal(a, b any) bool { return reflect.DeepEqual(normalJSON(a), normalJSON(b)) }

// decode parses JSON text. A decoded value is returned unchanged.
func decode(v any) any {
	text, ok := v.(string)
	if !ok {
		return v
	}
	var out any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		panic(err)
	}
	return out
}

func normalJSON(v any) any {
	if m, ok := v.(map[string]any); ok {
		b, err := json.Marshal(m)
		if err != nil {
			panic(err)
		}
		return string(b)
	}
	return v
}

// mergePatch is MergePatch of RFC 7396, section 2.
func mergePatch(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	out := map[string]any{}
	if t, ok := target.(map[string]any); ok {
		maps.Copy(out, t)
	}
	for k, v := range p {
		if v == nil {
			delete(out, k)
			continue
		}
		out[k] = mergePatch(out[k], v)
	}
	return out
}

// dump writes the table for comparison, one row per line, in key order.
func dump(cols []modelColumn, rows []map[string]any) string {
	var lines []string
	for _, row := range rows {
		var b bytes.Buffer
		for _, c := range cols {
			v := row[c.name]
			if c.kind == "json" && v != nil {
				text, err := json.Marshal(decode(v))
				if err != nil {
					panic(err)
				}
				v = string(text)
			}
			fmt.Fprintf(&b, "%s=%v ", c.name, v)
		}
		lines = append(lines, b.String())
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (m *model) dump() string { return dump(m.cols, slices.Collect(maps.Values(m.rows))) }

// randomTable chooses the columns of a table. Two rows with the same key and version always have the same content, because
// randomRow derives the content from the version.
func randomTable(r *rand.Rand) []modelColumn {
	cols := []modelColumn{{"id", "int", upsert.Key}}
	if r.IntN(3) == 0 {
		cols = append(cols, modelColumn{"part", "text", upsert.Key})
	}
	ints := []upsert.Rule{upsert.Replace, upsert.Keep, upsert.Fill, upsert.Coalesce, upsert.Max, upsert.Min, upsert.Add, upsert.Touch}
	bools := []upsert.Rule{upsert.Replace, upsert.Or, upsert.And, upsert.Fill}
	texts := []upsert.Rule{upsert.Replace, upsert.Keep, upsert.Coalesce, upsert.Max, upsert.Min, upsert.Touch}
	jsons := []upsert.Rule{upsert.Merge, upsert.Keep}
	for _, k := range []struct {
		kind  string
		rules []upsert.Rule
		most  int
	}{{"int", ints, 4}, {"bool", bools, 2}, {"text", texts, 3}, {"json", jsons, 2}} {
		for n := range r.IntN(k.most + 1) {
			rule := k.rules[r.IntN(len(k.rules))]
			cols = append(cols, modelColumn{fmt.Sprintf("%s%d", k.kind, n), k.kind, rule})
		}
	}
	if r.IntN(3) == 0 {
		cols = append(cols, modelColumn{"ver", "int", upsert.Version})
	}
	// Some tables use only rules that give the stronger Guarantee.
	if r.IntN(3) == 0 {
		cols = slices.DeleteFunc(cols, func(c modelColumn) bool {
			return !slices.Contains([]upsert.Rule{upsert.Key, upsert.Max, upsert.Min, upsert.Or, upsert.And}, c.rule)
		})
	}
	r.Shuffle(len(cols), func(i, j int) { cols[i], cols[j] = cols[j], cols[i] })
	return cols
}

func randomRow(r *rand.Rand, cols []modelColumn) map[string]any {
	row := map[string]any{}
	id, part := int64(r.IntN(6)), "a"
	if slices.ContainsFunc(cols, func(c modelColumn) bool { return c.name == "part" }) {
		part = string(rune('a' + r.IntN(2)))
	}
	for _, c := range cols {
		if c.rule == upsert.Version {
			v := int64(r.IntN(5))
			row[c.name] = v
			r = rand.New(rand.NewPCG(uint64(v), uint64(id)<<8|uint64(part[0])))
		}
	}
	for _, c := range cols {
		switch {
		case c.rule == upsert.Version:
		case c.name == "id":
			row[c.name] = id
		case c.name == "part":
			row[c.name] = part
		case r.IntN(4) == 0:
			row[c.name] = nil
		default:
			row[c.name] = randomValue(r, c.kind)
		}
	}
	return row
}

func randomValue(r *rand.Rand, kind string) any {
	switch kind {
	case "int":
		return int64(r.IntN(4))
	case "bool":
		return r.IntN(2) == 0
	case "text":
		return []string{"", "a", "b", "ab"}[r.IntN(4)]
	}
	return []string{`{}`, `{"a":1}`, `{"a":null}`, `{"b":{"c":2}}`, `{"b":{"c":null,"d":[1,null]}}`, `{"b":"x"}`}[r.IntN(6)]
}
