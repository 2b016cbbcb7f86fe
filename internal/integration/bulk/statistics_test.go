package bulk_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/lab"
)

// planned is a statement that joins given rows with stored rows.
type planned struct {
	name  string
	query string
	args  []any
}

// plannedRows is the number of given rows and also the number of other stored rows. A statement of values gets only
// plannedValues rows.
const (
	plannedRows   = 3000
	plannedValues = 1000
)

// plannedStatements returns all statements that the library sends for rows of things: upserts that filter or split, and
// comparisons.
func plannedStatements(l *lab.Lab, first int) []planned {
	table, target := dialect.Table{Name: "things"}, dialect.Target{Columns: []string{"k"}}
	cols := []dialect.Column{{Name: "k", Rule: dialect.Key, Kind: dialect.KindNumber}, {Name: "v", Rule: dialect.Replace, Kind: dialect.KindText}}
	types := map[string]string{"k": "integer", "v": "text"}
	var list []planned
	add := func(name, query string, err error, from dialect.Source) {
		if err != nil {
			l.Fatal(err)
		}
		list = append(list, planned{name, query, plannedArgs(from, first)})
	}
	for from, name := range map[dialect.Source]string{dialect.FromParams: "values", dialect.FromArrays: "arrays", dialect.FromStage: "stage"} {
		rows := 1
		if from == dialect.FromParams {
			rows = plannedValues
		}
		source, stored := dialect.Rows{N: rows, Source: from}, dialect.Stored{Types: types, Only: true}
		u := dialect.Upsert{Table: table, Target: target, Columns: cols, Rows: source, Stored: stored, Filter: true}
		for _, count := range []bool{false, true} {
			u.Answer.Count, u.Answer.Report = count, count
			query, err := l.D.Upsert(u)
			add(fmt.Sprintf("a filter of %s, counted %v", name, count), query, err, from)
			if from == dialect.FromStage {
				split := u
				split.Split = true
				query, err = l.D.Upsert(split)
				add(fmt.Sprintf("a split of %s, counted %v", name, count), query, err, from)
			}
		}
		query, err := l.D.Compare(dialect.Compare{Table: table, Target: target, Columns: cols, Rows: source, Stored: stored})
		add("a comparison of "+name, query, err, from)
	}
	return list
}

// plannedArgs returns arguments for rows whose keys start at first.
func plannedArgs(from dialect.Source, first int) (args []any) {
	var keys, values []string
	for i := first; i < first+plannedRows; i++ {
		keys, values = append(keys, fmt.Sprint(i)), append(values, "new")
		if from == dialect.FromParams && i < first+plannedValues {
			args = append(args, i, "new")
		}
	}
	if from == dialect.FromArrays {
		args = []any{"{" + strings.Join(keys, ",") + "}", "{" + strings.Join(values, ",") + "}"}
	}
	return args
}

// plan is a node in the output of EXPLAIN.
type plan struct {
	Type    string  `json:"Node Type"`
	Rows    float64 `json:"Actual Rows"`
	Loops   float64 `json:"Actual Loops"`
	Removed float64 `json:"Rows Removed by Filter"`
	Joined  float64 `json:"Rows Removed by Join Filter"`
	Plans   []plan  `json:"Plans"`
}

// work returns the number of rows that the nodes of a plan have processed.
func (p plan) work() float64 {
	n := (p.Rows + p.Removed + p.Joined) * p.Loops
	for _, child := range p.Plans {
		n += child.work()
	}
	return n
}

// work runs a statement as the library does, rolls back, and returns the work of its plan.
func (p planned) work(l *lab.Lab, first int) float64 {
	l.Helper()
	tx := l.Begin(nil)
	defer func() { _ = tx.Rollback() }()
	stage, err := l.D.Stage(dialect.Stage{
		Table: dialect.Table{Name: "things"}, Key: []string{"k"}, Place: true,
		Columns: []dialect.Column{{Name: "k", Rule: dialect.Key}, {Name: "v", Rule: dialect.Replace}},
	})
	if err != nil {
		l.Fatal(err)
	}
	if strings.Contains(p.query, "_upsert_stage") {
		l.On(tx, stage.Create)
		_, name, _ := strings.Cut(stage.Clear, "TRUNCATE ")
		l.On(tx, fmt.Sprintf("INSERT INTO %s SELECT i, 'new', i - %d FROM generate_series(%d, %d) i", name, first, first, first+plannedRows-1))
		l.TextOn(tx, stage.Settle)
	}
	switch {
	case strings.HasPrefix(p.name, "a split"):
		l.TextOn(tx, stage.Order)
	case strings.HasPrefix(p.name, "a naive"): // turns off the joins that do not preserve the order
		l.On(tx, "SET LOCAL enable_hashjoin = off")
		l.On(tx, "SET LOCAL enable_mergejoin = off")
	}
	var text string
	if err := tx.QueryRowContext(l.Context(), "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) "+p.query, p.args...).Scan(&text); err != nil {
		l.Fatalf("%s: %v", p.name, err)
	}
	var plans []struct{ Plan plan }
	if err := json.Unmarshal([]byte(text), &plans); err != nil || len(plans) != 1 {
		l.Fatalf("%s: %v: %s", p.name, err, text)
	}
	return plans[0].Plan.work()
}

func TestHazard_P46_StatisticsSayThatTheTableIsEmpty(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k int PRIMARY KEY, v text) WITH (autovacuum_enabled = off)",
			fmt.Sprintf("INSERT INTO things SELECT i, 'gone' FROM generate_series(1, %d) i", plannedRows), "DELETE FROM things", "ANALYZE things",
			fmt.Sprintf("INSERT INTO things SELECT i, 'old' FROM generate_series(1, %d) i", plannedRows))
		l.Want("rows, as the planner knows them", l.Text("SELECT reltuples FROM pg_class WHERE oid = 'things'::regclass"), 0)
		naive := planned{name: "a naive filter", args: plannedArgs(dialect.FromArrays, plannedRows+1), query: "SELECT e.k FROM unnest($1::int[], $2::text[]) AS e (k, v) " +
			"WHERE NOT EXISTS (SELECT FROM things AS t WHERE t.k = e.k AND t.v IS NOT DISTINCT FROM e.v)"}
		if got := naive.work(l, plannedRows+1); got < plannedRows*plannedRows/2 {
			l.Errorf("a naive filter looks at %.0f rows; want a quadratic number, or the hazard is gone", got)
		}
		// The given rows are first stored rows and then rows that are not stored.
		for _, first := range []int{1, plannedRows + 1} {
			for _, p := range plannedStatements(l, first) {
				if got := p.work(l, first); got > 30*plannedRows {
					l.Errorf("%s, rows from %d on: it looks at %.0f rows for %d given rows; want only a few for each", p.name, first, got, plannedRows)
				}
			}
		}
	})
}

// TestBulkAnalyzeInTheMiddle checks that the statistics do not affect the stored rows, on each path.
func TestBulkAnalyzeInTheMiddle(t *testing.T) {
	t.Parallel()
	bulkEach(t, lab.Postgres, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT) WITH (autovacuum_enabled = off)")
		const n = 45000
		analyzed := false
		r, err := bulkTable[pair](b, "things").PutSeq(b.lab.Context(), b.lab.DB, func(yield func(pair, error) bool) {
			for i := range n {
				if i == 25000 {
					b.lab.Exec("ANALYZE things")
					analyzed = b.lab.Text("SELECT reltuples = 0 AND relpages > 0 FROM pg_class WHERE oid = 'things'::regclass") == "true"
				}
				if !yield(pair{i, 1}, nil) {
					return
				}
			}
		}, upsert.Outcomes())
		b.lab.Want("PutSeq", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Inserted: n}, nil))
		b.lab.Want("the statistics said that the table was empty", analyzed, true)
	})
}
