package dialect_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/goupsert/upsert/dialect"
)

// versioned lists a dialect of every kind, at each version that changes its statements.
func versioned(t *testing.T) []dialect.Dialect {
	t.Helper()
	all := []dialect.Dialect{dialect.SQLite, dialect.Postgres, dialect.MySQL, dialect.MariaDB}
	for _, b := range banners {
		d, err := dialect.FromVersion(b.banner)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

// sourced is a statement whose rows come from that source.
func sourced(from dialect.Source) dialect.Upsert {
	return dialect.Upsert{
		Table: dialect.Table{Name: "t"}, Target: dialect.Target{Columns: []string{"id"}},
		Rows: dialect.Rows{N: 2, Source: from}, Stored: dialect.Stored{Types: map[string]string{"id": "bigint", "v": "text"}},
		Columns: []dialect.Column{{Name: "id", Rule: dialect.Key, Kind: dialect.KindNumber}, {Name: "v", Kind: dialect.KindText}, {Name: "at", Now: true, Kind: dialect.KindPlain}},
	}
}

// TestTraitsMatchStatements: a dialect writes the statements that its traits promise, and refuses the others in the same words
// everywhere.
func TestTraitsMatchStatements(t *testing.T) {
	t.Parallel()
	for _, d := range versioned(t) {
		traits := d.Traits()
		filtered, counted, split := sourced(dialect.FromParams), sourced(dialect.FromParams), sourced(dialect.FromStage)
		filtered.Filter, counted.Answer.Count, split.Split = true, true, true
		for name, c := range map[string]struct {
			can bool
			u   dialect.Upsert
		}{
			"params": {true, sourced(dialect.FromParams)}, "arrays": {traits.Batches.Arrays, sourced(dialect.FromArrays)},
			"stage": {traits.Batches.Copying != dialect.CopyNone, sourced(dialect.FromStage)}, "filter": {traits.Batches.Filter, filtered}, "count": {traits.Batches.Filter, counted},
			"split": {traits.Batches.Copying != dialect.CopyNone && traits.Batches.Filter, split},
		} {
			_, err := d.Upsert(c.u)
			checkRefusal(t, d, "Upsert of "+name, c.can, err)
		}
		for _, from := range []dialect.Source{dialect.FromParams, dialect.FromArrays, dialect.FromStage} {
			refusal := dialect.RefuseSource(d, from)
			_, err := d.Upsert(sourced(from))
			if (refusal == nil) != (err == nil) || err != nil && err.Error() != refusal.Error() {
				t.Errorf("%s at %s: RefuseSource(%d) is %v, and Upsert says %v", d.Name(), d.Version(), from, refusal, err)
			}
		}
		text, err := d.Stage(dialect.Stage{Table: dialect.Table{Name: "t"}, Columns: sourced(dialect.FromStage).Columns, Key: []string{"id"}, Reader: "r"})
		checkRefusal(t, d, "Stage", traits.Batches.Copying != dialect.CopyNone, err)
		if err == nil && (text.Create == "" || text.Load == "" || text.Clear == "" || text.Drop == "") {
			t.Errorf("%s at %s: a statement is missing: %+v", d.Name(), d.Version(), text)
		}
		if all := text.Create + text.Load; strings.Contains(all, `"at"`) || strings.Contains(all, "`at`") {
			t.Errorf("%s at %s: the staging table has a column for the database's clock: %s", d.Name(), d.Version(), all)
		}
	}
}

func checkRefusal(t *testing.T, d dialect.Dialect, what string, can bool, err error) {
	t.Helper()
	var refused *dialect.UnsupportedError
	switch {
	case can && err != nil:
		t.Errorf("%s at %s: %s: %v, but its traits promise it", d.Name(), d.Version(), what, err)
	case !can && (!errors.As(err, &refused) || refused.Dialect != d.Name() || refused.Feature == ""):
		t.Errorf("%s at %s: %s: %v, want an UnsupportedError of this dialect", d.Name(), d.Version(), what, err)
	}
}

// TestRefusalHasAHint: the error names the path that the caller can name instead.
func TestRefusalHasAHint(t *testing.T) {
	t.Parallel()
	for at, d := range []dialect.Dialect{dialect.SQLite, dialect.MariaDB} {
		from := []dialect.Source{dialect.FromStage, dialect.FromArrays}[at]
		if err := dialect.RefuseSource(d, from); err == nil || !strings.Contains(err.Error(), "Via(Values)") || !strings.HasPrefix(err.Error(), "upsert: "+d.Name()+" has no ") {
			t.Errorf("%s: %v", d.Name(), err)
		}
	}
}

// TestParamsOfSources: there is a parameter for every value, for every column, or none.
func TestParamsOfSources(t *testing.T) {
	t.Parallel()
	for from, want := range map[dialect.Source]int{dialect.FromParams: 4, dialect.FromArrays: 2, dialect.FromStage: 0} {
		for _, filter := range []bool{false, true} {
			u := sourced(from)
			u.Filter = filter
			query, err := dialect.Postgres.Upsert(u)
			if n := strings.Count(query, "$"); err != nil || n != want {
				t.Errorf("source %d, filter %v: %d parameters, %v, want %d in\n%s", from, filter, n, err, want, query)
			}
		}
	}
}
