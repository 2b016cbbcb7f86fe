package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/goupsert/upsert/bench/internal/contest"
)

func (r *Results) writeBreadth(w io.Writer) {
	if len(r.Breadth) == 0 {
		return
	}
	fmt.Fprintf(w, "## Other rows\n\nThe half case with %s rows a batch: narrower and wider rows, and a text for a key. The other side is the best of "+
		"GORM and what is written by hand.\n\n", count(float64(r.Breadth[0].Rows)))
	var rows [][]string
	for _, e := range r.measured() {
		some := of(r.Breadth, e.Name, "")
		for _, shape := range distinct(some, func(s *contest.Series) string { return s.Shape }) {
			of := func(keep func(*contest.Series) bool) *contest.Series {
				return contest.Best(some, func(s *contest.Series) bool { return s.Shape == shape && keep(s) })
			}
			for _, driver := range distinct(some, func(s *contest.Series) string { return s.Way.Driver }) {
				lib := of(named("upsert", driver))
				if lib == nil {
					continue
				}
				cells := []string{e.Title(), shape, lib.Way.String(), count(lib.Rate())}
				for _, other := range []*contest.Series{of(isPeer), of(isByHand)} {
					if other == nil {
						cells = append(cells, "–")
						continue
					}
					cells = append(cells, fmt.Sprintf("%s %s", times(lib.Faster(other)), other.Way))
				}
				rows = append(rows, cells)
			}
		}
	}
	table(w, []string{"engine", "row", "way", "rows/s", "against", "against by hand"}, rows)
}

func (r *Results) writeTold(w io.Writer) {
	if len(r.Told) == 0 {
		return
	}
	fmt.Fprintf(w, "## Outcomes\n\nThe half case with %s rows a batch: what it costs to be told which rows were inserted, updated or left alone. "+
		"MySQL tells that of one row a statement. There the library sends each row in a statement of its own, as the loop by hand does.\n\n",
		count(float64(r.Told[0].Rows)))
	var rows [][]string
	for _, e := range r.measured() {
		some := of(r.Told, e.Name, "")
		plain, hand := contest.Best(some, named("upsert", "")), contest.Best(some, isByHand)
		for _, s := range some {
			rows = append(rows, []string{
				e.Title(), emphasis(s), count(s.Rate()), against(s, plain), against(s, hand), fmt.Sprintf("%.0f %%", s.Spread()*100),
			})
		}
	}
	table(w, []string{"engine", "way", "rows/s", "against without", "against by hand", "spread"}, rows)
}

func (r *Results) writeCurve(w io.Writer) {
	if len(r.Curve) == 0 {
		return
	}
	fmt.Fprint(w, "## Numbers of rows\n\nRows a second of one call with so many rows, into an empty table.\n\n")
	sizes := distinct(r.Curve, func(s *contest.Series) int { return s.Rows })
	head := []string{"engine", "way"}
	for _, n := range sizes {
		head = append(head, count(float64(n)))
	}
	var rows [][]string
	for _, e := range r.measured() {
		some := of(r.Curve, e.Name, "")
		for _, way := range distinct(some, func(s *contest.Series) string { return s.Way.String() }) {
			cells := []string{e.Title(), way}
			for _, n := range sizes {
				s := contest.Best(some, func(s *contest.Series) bool { return s.Rows == n && s.Way.String() == way })
				if s == nil {
					cells = append(cells, "–")
					continue
				}
				cells = append(cells, count(s.Rate()))
			}
			rows = append(rows, cells)
		}
	}
	table(w, head, rows)
}

func (r *Results) writeMemory(w io.Writer) {
	if len(r.Memory) == 0 {
		return
	}
	fmt.Fprint(w, "## Memory\n\n`PutSeq` of generated rows into an empty table, in a process of its own. Memory is the greatest resident size of that "+
		"process (VmHWM), which on SQLite has the database's cache in it: before the first row, and in all.\n\n")
	var rows [][]string
	for _, u := range r.Memory {
		before, peak := "–", "–"
		if u.Peak > 0 {
			before, peak = size(float64(u.Before)), size(float64(u.Peak))
		}
		rows = append(rows, []string{r.titleOf(u.Engine), u.Way, count(float64(u.Rows)), before, peak, count(float64(u.Rows) / u.Took.Seconds())})
	}
	table(w, []string{"engine", "driver", "rows", "before", "peak", "rows/s"}, rows)
}

// writeHows tells how each way is used: in its own words, once for all engines and drivers of which they are the same.
func (r *Results) writeHows(w io.Writer) {
	fmt.Fprint(w, "## How each is used\n\nEvery way writes all columns of every row, and replaces all but the key on a conflict, as each one's "+
		"documentation has it. None but the library leaves an equal row alone.\n\n")
	for _, part := range []struct {
		title string
		all   []*contest.Series
	}{{"Batches", r.Batches}, {"Single rows", r.Singles}, {"Outcomes", r.Told}} {
		if len(part.all) == 0 {
			continue
		}
		fmt.Fprintf(w, "%s:\n\n", part.title)
		type used struct{ name, how string }
		uses := distinct(part.all, func(s *contest.Series) used { return used{s.Way.Name, s.Way.How} })
		for _, u := range uses {
			var drivers []string
			for _, s := range part.all {
				if s.Way.Name == u.name && s.Way.How == u.how && s.Way.Driver != "" && !strings.Contains(strings.Join(drivers, ", "), s.Way.Driver) {
					drivers = append(drivers, s.Way.Driver)
				}
			}
			over := ""
			if len(drivers) > 0 {
				over = " (" + strings.Join(drivers, ", ") + ")"
			}
			fmt.Fprintf(w, "- **%s**%s: %s\n", u.name, over, u.how)
		}
		fmt.Fprintln(w)
	}
}

func (r *Results) writeVersions(w io.Writer) {
	if len(r.Versions) == 0 {
		return
	}
	fmt.Fprint(w, "## Versions\n\n")
	var rows [][]string
	for _, v := range r.Versions {
		rows = append(rows, []string{v.Module, v.Version})
	}
	table(w, []string{"module", "version"}, rows)
}
