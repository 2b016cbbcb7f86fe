package upserttest

import (
	"slices"
	"strings"
)

// tableDiff is how a table differs from the one that is wanted.
type tableDiff struct {
	table   *table
	rows    []rowDiff
	rewrote bool   // the rows are the same, but were written again
	columns string // how the columns differ; no row can be compared then
}

// rowDiff is one row that differs.
type rowDiff struct {
	what      string // doubled, missing, different or added
	want, got []cell // nil if there is no such row
}

const (
	doubled   = "doubled"
	missing   = "missing"
	different = "different"
	added     = "added"
)

// differ compares two states of a database.
type differ struct {
	ignores func(*table) []bool
	exact   bool // generated ids and row versions count too
	pairAll bool // rows that have nothing in common may be pairs
}

// compare returns the tables that differ, in the order of their names.
func (d differ) compare(want, got snapshot) (all []tableDiff) {
	for _, g := range got {
		w := want.find(g)
		if w == nil {
			w = &table{name: g.name, columns: g.columns, key: g.key}
		}
		if !slices.Equal(w.columns, g.columns) {
			all = append(all, otherColumns(w, g)...)
			continue
		}
		if t := d.tables(w, g); len(t.rows) > 0 || t.rewrote {
			all = append(all, t)
		}
	}
	for _, w := range want {
		if got.find(w) == nil {
			if t := d.tables(w, &table{name: w.name, columns: w.columns, key: w.key}); len(t.rows) > 0 {
				all = append(all, t)
			}
		}
	}
	return all
}

func (d differ) tables(want, got *table) tableDiff {
	m := &matching{table: got, ignored: d.ignores(got), want: want.rows}
	if d.exact {
		m.ignored = make([]bool, len(got.columns))
		m.want, got = unlabelled(want.rows), &table{columns: got.columns, key: got.key, rows: unlabelled(got.rows), name: got.name, version: got.version}
		m.table = got
	}
	m.subtract(want, got)
	m.pairByKey()
	m.pairTwins()
	m.takeDoubled()
	m.pairAlike(d.pairAll)
	for _, row := range m.missing {
		m.diffs = append(m.diffs, rowDiff{missing, row, nil})
	}
	for _, row := range m.extra {
		m.diffs = append(m.diffs, rowDiff{added, nil, row})
	}
	slices.SortStableFunc(m.diffs, func(a, b rowDiff) int { return compareRows(a.row(), b.row()) })
	return tableDiff{table: got, rows: m.diffs, rewrote: d.exact && len(m.diffs) == 0 && want.version != got.version}
}

// row is the row by which a difference is sorted.
func (d rowDiff) row() []cell {
	if d.want != nil {
		return d.want
	}
	return d.got
}

func unlabelled(rows [][]cell) [][]cell {
	all := make([][]cell, len(rows))
	for i, row := range rows {
		all[i] = slices.Clone(row)
		for j := range all[i] {
			all[i][j].label = ""
		}
	}
	return all
}

// matching finds for each row that only one side has what became of it.
type matching struct {
	table          *table
	ignored        []bool
	want           [][]cell // all rows
	missing, extra [][]cell // rows without a counterpart so far
	diffs          []rowDiff
}

// subtract removes the rows that both sides have.
func (m *matching) subtract(want, got *table) {
	count := map[string]int{}
	for _, row := range got.rows {
		count[identity(row, m.ignored)]++
	}
	for _, row := range m.want {
		if key := identity(row, m.ignored); count[key] > 0 {
			count[key]--
		} else {
			m.missing = append(m.missing, row)
		}
	}
	for _, row := range slices.Backward(got.rows) { // the last of equal rows is the one too many
		if key := identity(row, m.ignored); count[key] > 0 {
			count[key]--
			m.extra = append(m.extra, row)
		}
	}
	slices.Reverse(m.extra)
}

// pair takes each extra row together with the first missing row that fits.
func (m *matching) pair(fits func(want, got []cell) bool) {
	m.extra = slices.DeleteFunc(m.extra, func(got []cell) bool {
		i := slices.IndexFunc(m.missing, func(want []cell) bool { return fits(want, got) })
		if i < 0 {
			return false
		}
		m.diffs = append(m.diffs, rowDiff{different, m.missing[i], got})
		m.missing = slices.Delete(m.missing, i, i+1)
		return true
	})
}

// isKey reports whether a column belongs to the primary key or is a generated id.
func (m *matching) isKey(i int, row []cell) bool {
	return slices.Contains(m.table.key, m.table.columns[i]) || row[i].label != ""
}

// pairByKey finds rows that have the same primary key and other values.
func (m *matching) pairByKey() {
	if len(m.table.key) == 0 {
		return
	}
	m.pair(func(want, got []cell) bool {
		for i := range got {
			if slices.Contains(m.table.key, m.table.columns[i]) && (m.ignored[i] || !want[i].same(got[i])) {
				return false
			}
		}
		return true
	})
}

// pairTwins finds rows that differ in nothing but their keys.
func (m *matching) pairTwins() { m.pair(m.areTwins) }

func (m *matching) areTwins(want, got []cell) bool {
	others := 0
	for i := range got {
		switch {
		case m.ignored[i] || m.isKey(i, got):
		case !want[i].same(got[i]):
			return false
		default:
			others++
		}
	}
	return others > 0
}

// takeDoubled finds rows that are there once more than they should be, if only under another key.
func (m *matching) takeDoubled() {
	m.extra = slices.DeleteFunc(m.extra, func(got []cell) bool {
		isDoubled := slices.ContainsFunc(m.want, func(want []cell) bool {
			return m.areTwins(want, got) || identity(want, m.ignored) == identity(got, m.ignored)
		})
		if isDoubled {
			m.diffs = append(m.diffs, rowDiff{doubled, nil, got})
		}
		return isDoubled
	})
}

// pairAlike finds rows that have at least half of their values in common.
func (m *matching) pairAlike(all bool) {
	m.pair(func(want, got []cell) bool {
		same, compared := 0, 0
		for i := range got {
			if m.ignored[i] {
				continue
			}
			compared++
			if want[i].same(got[i]) {
				same++
			}
		}
		return all || 2*same >= compared
	})
}

// otherColumns is the difference of a table whose columns are others: all rows, each with its own columns.
func otherColumns(want, got *table) []tableDiff {
	was, is := tableDiff{table: want}, tableDiff{table: got, columns: "got"}
	for _, row := range want.rows {
		was.rows = append(was.rows, rowDiff{missing, row, nil})
	}
	for _, row := range got.rows {
		is.rows = append(is.rows, rowDiff{added, nil, row})
	}
	var parts []string
	for _, column := range want.columns {
		if !slices.Contains(got.columns, column) {
			parts = append(parts, "column "+column+" is missing")
		}
	}
	for _, column := range got.columns {
		if !slices.Contains(want.columns, column) {
			parts = append(parts, "column "+column+" is additional")
		}
	}
	if len(parts) == 0 {
		parts = []string{"the columns have another order"}
	}
	was.columns = strings.Join(parts, ", ") + "; wanted"
	return []tableDiff{was, is}
}

// changed returns the columns in which rows differ, as "table.column", if no row is doubled, missing or added, and no
// table has other columns.
func changed(diffs []tableDiff, o *options) (columns []string) {
	for _, t := range diffs {
		if t.columns != "" {
			return nil
		}
		ignored := o.ignores(t.table)
		for i, column := range t.table.columns {
			for _, row := range t.rows {
				if row.what != different {
					return nil
				}
				if !ignored[i] && !row.want[i].same(row.got[i]) {
					columns = append(columns, t.table.name+"."+column)
					break
				}
			}
		}
	}
	return columns
}
