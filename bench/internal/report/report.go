package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/goupsert/upsert/bench/internal/contest"
)

// Write writes the report in Markdown.
func (r *Results) Write(w io.Writer) error {
	var b bytes.Buffer
	for _, part := range []func(io.Writer){
		r.head, r.writeBars, r.writePictures, r.writeBatches, r.writeSingles, r.writeBreadth, r.writeTold, r.writeCurve, r.writeMemory, r.writeHows,
		r.writeVersions,
	} {
		part(&b)
	}
	_, err := w.Write(append(bytes.TrimRight(b.Bytes(), "\n"), '\n'))
	return err
}

func (r *Results) head(w io.Writer) {
	fmt.Fprint(w, "# Measured\n\nWritten by `make bench`. Earlier figures, by hand and of package keys, are in [EARLIER.md](EARLIER.md).\n\n")
	fmt.Fprintf(w, "%s. %s, %d cores, %s of memory, %s, %s. The whole run took %s.\n\n", r.Date.Format("2006-01-02"), r.Machine.CPU,
		r.Machine.Cores, r.Machine.Memory, r.Machine.OS, r.Machine.Go, r.Took)
	for _, e := range r.Engines {
		if e.Missing != "" {
			fmt.Fprintf(w, "- **%s**: not run: %s\n", e.Name, e.Missing)
			continue
		}
		fewer := ""
		if e.Rounds > 0 && e.Rounds != r.Rounds {
			fewer = fmt.Sprintf(" Only %d rounds.", e.Rounds)
		}
		fmt.Fprintf(w, "- **%s**: %s.%s `%s`\n", e.Name, e.Version, fewer, strings.Join(e.Settings, "`, `"))
	}
	fmt.Fprintf(w, "\nThe row is `accounts(id bigint primary key, email, name, balance bigint, score double, active bool, updated_at, payload)`, all "+
		"NOT NULL, about 120 bytes. A batch is %s of them in one transaction. `fresh` is an empty table, `half` one that holds half of the "+
		"rows with another text in one column, `replay` one that holds exactly these rows, `single` 1,000 rows with a statement each.\n\n",
		count(float64(r.Rows)))
	fmt.Fprintf(w, "All ways take their turn in every round (%d of them, after one in the first case that is not counted), which begins with another one each time. Figures "+
		"are medians; ratios are of rows a second, so more is better. Before each run the table is restored from a copy and the server's dirty pages "+
		"are written (PostgreSQL: `VACUUM (ANALYZE)` of a table that has rows, `CHECKPOINT`), and after it every column of every row is "+
		"compared with what it is to be, all outside the clock. Servers that the program starts do not wait for the disk; that is the same for all.\n\n",
		r.Rounds)
}

func (r *Results) writeBars(w io.Writer) {
	fmt.Fprint(w, "## Must be reached\n\nA peer is another library, or sqlx with SQL by hand; the last column has the best of what was written by "+
		"hand for one table of one database, where that is not what the bar is against.\n\n")
	var rows [][]string
	for _, v := range r.verdicts() {
		rows = append(rows, v.row())
	}
	table(w, []string{"engine, case", "the library", "against", "at least", "measured", "", "against by hand"}, rows)
}

func (r *Results) writePictures(w io.Writer) {
	if len(r.Batches) > 0 {
		fmt.Fprint(w, "![Rows a second by engine and case](plots/throughput.svg)\n\n")
	}
	if len(r.Curve) > 0 {
		fmt.Fprint(w, "![Cost of a row against the number of rows](plots/curve.svg)\n\n")
	}
}

func (r *Results) writeBatches(w io.Writer) {
	if len(r.Batches) == 0 {
		return
	}
	fmt.Fprint(w, "## Batches\n\nSpread is the distance of the slowest run from the quickest, as a share of the median.\n\n")
	for _, e := range r.measured() {
		for _, c := range distinct(of(r.Batches, e.Name, ""), func(s *contest.Series) string { return s.Case }) {
			fmt.Fprintf(w, "### %s, %s\n\n", e.Title(), c)
			seriesTable(w, of(r.Batches, e.Name, c))
		}
	}
}

func (r *Results) writeSingles(w io.Writer) {
	if len(r.Singles) == 0 {
		return
	}
	fmt.Fprint(w, "## Single rows\n\nRows with a statement each, each committed, on a table that holds half of them.\n\n")
	for _, e := range r.measured() {
		if some := of(r.Singles, e.Name, ""); len(some) > 0 {
			fmt.Fprintf(w, "### %s, single\n\n", e.Title())
			seriesTable(w, some)
		}
	}
}

// seriesTable leaves out the columns that no series has anything in.
func seriesTable(w io.Writer, all []*contest.Series) {
	peer, limit := contest.Best(all, isPeer), contest.Best(all, isLimit)
	logs := all[0].WAL() >= 0
	head := []string{"way", "rows/s", "against the best peer"}
	if limit != nil {
		head = append(head, "against the limit")
	}
	head = append(head, "allocations a row")
	if logs {
		head = append(head, "WAL a row", "WAL")
	}
	var rows [][]string
	for _, s := range all {
		cells := []string{emphasis(s), count(s.Rate()), against(s, peer)}
		if limit != nil {
			cells = append(cells, against(s, limit))
		}
		cells = append(cells, fmt.Sprintf("%.1f", s.Mallocs()))
		if logs {
			cells = append(cells, fmt.Sprintf("%.0f B", s.WAL()/float64(s.Rows)), size(s.WAL()))
		}
		rows = append(rows, append(cells, fmt.Sprintf("%.0f %%", s.Spread()*100)))
	}
	table(w, append(head, "spread"), rows)
}

func emphasis(s *contest.Series) string {
	if s.Way.Kind == contest.Library {
		return "**" + s.Way.String() + "**"
	}
	return s.Way.String()
}

func against(s, other *contest.Series) string {
	if other == nil {
		return "–"
	}
	return times(s.Faster(other))
}
