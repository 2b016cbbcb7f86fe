package upserttest

import "fmt"

// hint tells how a difference can be allowed if it is meant: generated keys, and times. A difference in other columns is a fault.
func hint(diffs []tableDiff, columns []string) string {
	keys, times := len(columns) > 0, len(columns) > 0
	for _, d := range diffs {
		for _, row := range d.rows {
			if row.what != different {
				return ""
			}
			m := matching{table: d.table, ignored: make([]bool, len(d.table.columns))}
			keys = keys && m.areTwins(row.want, row.got)
			for i := range row.want {
				times = times && (row.want[i].same(row.got[i]) || row.want[i].isTime() && row.got[i].isTime())
			}
		}
	}
	switch {
	case keys && len(columns) == 1:
		return "If the database generates these values, add:\n\t" + fmt.Sprintf("upserttest.GeneratedID(%q)", columns[0])
	case times:
		return "If these values may differ, add:\n\t" + ignoreLine(columns)
	}
	return ""
}
