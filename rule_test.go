package upsert_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
)

const (
	neither = upsert.Guarantee(0)
	both    = upsert.RepeatSafe | upsert.OrderFree
)

// guaranteed lists the expected guarantee of a table that has a key and one column with the rule: the column alone, beside a
// version column, with omitzero, and with omitzero beside a version column.
var guaranteed = []struct {
	rule                                 upsert.Rule
	alone, versioned, omitted, omittedIn upsert.Guarantee
}{
	{upsert.Replace, upsert.RepeatSafe, both, upsert.RepeatSafe, upsert.RepeatSafe},
	{upsert.Key, both, both, neither, neither},
	{upsert.Keep, upsert.RepeatSafe, upsert.RepeatSafe, upsert.RepeatSafe, upsert.RepeatSafe},
	{upsert.Fill, upsert.RepeatSafe, upsert.RepeatSafe, upsert.RepeatSafe, upsert.RepeatSafe},
	{upsert.Coalesce, upsert.RepeatSafe, upsert.RepeatSafe, upsert.RepeatSafe, upsert.RepeatSafe},
	{upsert.Max, both, upsert.RepeatSafe, upsert.RepeatSafe, upsert.RepeatSafe},
	{upsert.Min, both, upsert.RepeatSafe, upsert.RepeatSafe, upsert.RepeatSafe},
	{upsert.Or, both, upsert.RepeatSafe, upsert.RepeatSafe, upsert.RepeatSafe},
	{upsert.And, both, upsert.RepeatSafe, upsert.RepeatSafe, upsert.RepeatSafe},
	{upsert.Merge, upsert.RepeatSafe, upsert.RepeatSafe, upsert.RepeatSafe, upsert.RepeatSafe},
	{upsert.Version, both, neither, neither, neither},
	{upsert.Touch, both, both, upsert.RepeatSafe, upsert.RepeatSafe},
	{upsert.Add, upsert.OrderFree, neither, neither, neither},
	{upsert.Generated, both, both, neither, neither},
}

func TestGuaranteeOfEveryRule(t *testing.T) {
	t.Parallel()
	if len(guaranteed) != len(dialect.Rules()) {
		t.Fatalf("%d rules are tested; %d rules exist", len(guaranteed), len(dialect.Rules()))
	}
	for i, g := range guaranteed {
		if g.rule != upsert.Rule(i) {
			t.Fatalf("row %d tests %v", i, g.rule)
		}
		for _, c := range []struct {
			versioned, omitted bool
			want               upsert.Guarantee
		}{{false, false, g.alone}, {true, false, g.versioned}, {false, true, g.omitted}, {true, true, g.omittedIn}} {
			opts := []upsert.Option{upsert.Column("id", upsert.Key)}
			if c.versioned {
				opts = append(opts, upsert.Column("rev", upsert.Version))
			}
			var mods []upsert.Modifier
			if c.omitted {
				mods = append(mods, upsert.OmitZero())
			}
			what := fmt.Sprintf("%v, version %v, omitzero %v", g.rule, c.versioned, c.omitted)
			table, err := upsert.New[map[string]any](dialect.SQLite, "t", append(opts, upsert.Column("c", g.rule, mods...))...)
			refused := c.omitted && (g.rule == upsert.Key || g.rule == upsert.Version || g.rule == upsert.Generated) ||
				c.versioned && g.rule == upsert.Version
			switch {
			case (err != nil) != refused:
				t.Errorf("%s: %v, want it refused: %v", what, err, refused)
			case err == nil && table.Guarantee() != c.want:
				t.Errorf("%s: %v, want %v", what, table.Guarantee(), c.want)
			}
		}
	}
}

func TestGuaranteeIsTheWeakest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rules []upsert.Rule
		want  upsert.Guarantee
	}{
		{nil, both},
		{[]upsert.Rule{upsert.Max, upsert.Min, upsert.Or, upsert.And}, both},
		{[]upsert.Rule{upsert.Max, upsert.Replace}, upsert.RepeatSafe},
		{[]upsert.Rule{upsert.Max, upsert.Add}, upsert.OrderFree},
		{[]upsert.Rule{upsert.Replace, upsert.Add}, neither},
		{[]upsert.Rule{upsert.Add, upsert.Version}, neither},
		{[]upsert.Rule{upsert.Version, upsert.Replace, upsert.Touch, upsert.Generated}, both},
		{[]upsert.Rule{upsert.Version, upsert.Replace, upsert.Keep}, upsert.RepeatSafe},
	} {
		opts := []upsert.Option{upsert.Column("id", upsert.Key)}
		for i, r := range c.rules {
			opts = append(opts, upsert.Column(fmt.Sprintf("c%d", i), r))
		}
		table, err := upsert.New[map[string]any](dialect.Postgres, "t", opts...)
		if err != nil || table.Guarantee() != c.want {
			t.Errorf("%v: %v, want %v", c.rules, err, c.want)
		}
	}
}

// TestAnotherTargetsKeyIsNeverAssigned checks that an insert writes the key of another target and that an update never
// assigns this key: the first value stays.
func TestAnotherTargetsKeyIsNeverAssigned(t *testing.T) {
	t.Parallel()
	type row struct {
		ID    int64  `upsert:"key"`
		Email string `upsert:"key=email"`
		By    string `upsert:"keep"`
	}
	table, err := upsert.New[row](dialect.Postgres, "t", upsert.Target("email"))
	if err != nil || table.Guarantee() != upsert.RepeatSafe {
		t.Fatalf("%v, want a table that is repeat-safe only: the id that came first stays", err)
	}
	if query, _, err := table.SQL(); err != nil || strings.Contains(query, `"id" = `) || !strings.Contains(query, `ON CONFLICT ("email")`) {
		t.Errorf("%s, %v: want the email to be the target and the id not to be assigned, not even to itself (hazard P11)", query, err)
	}
}

func TestGuaranteeCountsTheChosenColumns(t *testing.T) {
	t.Parallel()
	type row struct {
		ID   int64 `upsert:"key"`
		Peak int64 `upsert:"max"`
		Hits int64 `upsert:"add"`
	}
	table, err := upsert.New[row](dialect.SQLite, "t", upsert.Columns("id", "peak"))
	if err != nil || table.Guarantee() != both {
		t.Errorf("%v: %v, want a guarantee that ignores the column that is left out", table.Guarantee(), err)
	}
}

func TestStrings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		v    fmt.Stringer
		want string
	}{
		{upsert.Replace, "replace"}, {upsert.Key, "key"}, {upsert.Generated, "generated"}, {upsert.Rule(99), "Rule(99)"}, {upsert.Rule(-1), "Rule(-1)"},
		{upsert.Unknown, "unknown"}, {upsert.Inserted, "inserted"}, {upsert.Updated, "updated"}, {upsert.Unchanged, "unchanged"},
		{upsert.Stale, "stale"}, {upsert.Outcome(9), "Outcome(9)"}, {upsert.Outcome(-1), "Outcome(-1)"},
		{upsert.Result{}, "no rows"}, {upsert.Result{Unknown: 1}, "1 row"}, {upsert.Result{Unknown: 1000000}, "1000000 rows"},
		{upsert.Result{Inserted: 2, Unchanged: 1}, "2 inserted, 1 unchanged"}, {upsert.Result{Updated: 2, Unknown: 1}, "2 updated, 1 unknown"},
		{both, "repeat-safe, order-free"}, {upsert.RepeatSafe, "repeat-safe"}, {upsert.OrderFree, "order-free"}, {neither, "none"},
	} {
		if got := c.v.String(); got != c.want {
			t.Errorf("%T is %q, want %q", c.v, got, c.want)
		}
	}
	if !both.RepeatSafe() || !both.OrderFree() || neither.RepeatSafe() || neither.OrderFree() || upsert.RepeatSafe.OrderFree() {
		t.Error("RepeatSafe and OrderFree do not report the parts of the guarantee")
	}
	if r := (upsert.Result{Inserted: 1, Updated: 2, Unchanged: 3, Stale: 4, Unknown: 5}); r.Rows() != 15 {
		t.Errorf("Rows() = %d, want 15", r.Rows())
	}
}
