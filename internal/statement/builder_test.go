package statement_test

import (
	"strings"
	"testing"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/schema"
	"github.com/goupsert/upsert/internal/statement"
)

// items is a table with a key of text, a replaced column and a column with omitzero.
func items(d dialect.Dialect) schema.Spec {
	return schema.Spec{
		Dialect: d, Table: dialect.Table{Name: "items"}, Target: dialect.Target{Columns: []string{"code"}},
		Writes: []dialect.Column{
			{Name: "code", Rule: dialect.Key, Kind: dialect.KindText},
			{Name: "title", Rule: dialect.Replace},
			{Name: "note", Rule: dialect.Replace},
		},
		Generated: []string{"id"}, Zeros: []int{2},
	}
}

var one = statement.Variant{Mode: dialect.Write, Rows: dialect.Rows{N: 1}}

func upsert(t *testing.T, b *statement.Builder, v statement.Variant, known *schema.Table) string {
	t.Helper()
	text, err := b.Upsert(v, known)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestUpsertLeavesAnOmittedColumnOut(t *testing.T) {
	t.Parallel()
	b := statement.New(items(dialect.SQLite))
	if text := upsert(t, b, one, nil); !strings.Contains(text, "note") {
		t.Errorf("the statement of all columns is %s, want one with the column note", text)
	}
	omitted := one
	omitted.Omit = 1
	if text := upsert(t, b, omitted, nil); strings.Contains(text, "note") {
		t.Errorf("the statement without the omitted column is %s, want one without the column note", text)
	}
	if b.Sends(1, 2) || !b.Sends(1, 1) || !b.Sends(0, 2) {
		t.Error("Sends does not leave out exactly the omitted column")
	}
}

func TestUpsertReturnsTheColumnsAskedFor(t *testing.T) {
	t.Parallel()
	b := statement.New(items(dialect.Postgres))
	for want, returns := range map[string]statement.Return{
		"": statement.ReturnNothing, `RETURNING "code"`: statement.ReturnKeys, `RETURNING "id"`: statement.ReturnGenerated,
		`RETURNING "code", "title", "note", "id"`: statement.ReturnAll,
	} {
		v := one
		v.Return = returns
		_, got, _ := strings.Cut(upsert(t, b, v, nil), "RETURNING ")
		if got = strings.Join(strings.Fields(strings.ReplaceAll(got, `"items".`, "")), " "); got != strings.TrimPrefix(want, "RETURNING ") {
			t.Errorf("the statement that returns %d ends in %q, want %q", returns, got, want)
		}
	}
}

// The text must change if the types of its parameters have changed (hazard P39), also if a call that still has the old facts comes
// after a call with the new facts.
func TestUpsertIsWrittenForTheFactsOfTheCall(t *testing.T) {
	t.Parallel()
	spec := items(dialect.Postgres)
	b := statement.New(spec)
	facts := map[string]*schema.Table{}
	for _, mark := range []string{" /* a */", " /* b */"} {
		facts[mark] = &schema.Table{Writes: spec.Writes, Mark: mark}
	}
	for _, mark := range []string{" /* a */", " /* b */", " /* b */", " /* a */", " /* b */"} {
		if text := upsert(t, b, one, facts[mark]); !strings.HasSuffix(text, mark) {
			t.Errorf("the text is %s, want one with the mark%s", text, mark)
		}
	}
	plain, err := b.Plain(one)
	if err != nil || strings.Contains(plain, "/*") {
		t.Errorf("the plain text is %s, %v, want one without a mark", plain, err)
	}
}

func TestChecksKey(t *testing.T) {
	t.Parallel()
	keyOnly := func(d dialect.Dialect) *statement.Builder {
		spec := items(d)
		spec.Writes, spec.Zeros = spec.Writes[:1], nil
		return statement.New(spec)
	}
	folds := &schema.Table{Columns: map[string]schema.Column{"code": {Folds: true}}}
	for name, c := range map[string]struct {
		b     *statement.Builder
		known *schema.Table
		want  bool
	}{
		"a statement that assigns meets the comparison of the update": {statement.New(items(dialect.SQLite)), nil, false},
		"SQLite has no catalog":                         {keyOnly(dialect.SQLite), nil, true},
		"PostgreSQL, the collation tells texts apart":   {keyOnly(dialect.Postgres), &schema.Table{}, false},
		"PostgreSQL, the collation takes texts for one": {keyOnly(dialect.Postgres), folds, true},
	} {
		if got := c.b.ChecksKey(c.known); got != c.want {
			t.Errorf("%s: ChecksKey is %v, want %v", name, got, c.want)
		}
	}
}

// Any number of rows is cut into few statements of few variants.
func TestFitCutsABatchIntoFewVariants(t *testing.T) {
	t.Parallel()
	b := statement.New(items(dialect.SQLite))
	params := 3
	full := b.Full(params)
	sizes := map[int]bool{}
	for n := 1; n <= 3*full; n += 7 {
		statements := 0
		for left := n; left > 0; statements++ {
			rows := b.Fit(left, params)
			if rows < 1 || rows > left || rows*params > b.RowsMax()*params && rows > full {
				t.Fatalf("of %d rows the next statement takes %d", left, rows)
			}
			sizes[rows] = true
			left -= rows
		}
		if most := n/full + 6; statements > most {
			t.Errorf("%d rows take %d statements, want at most %d", n, statements, most)
		}
	}
	if len(sizes) > 80 {
		t.Errorf("the statements have %d sizes, want few", len(sizes))
	}
}

// On MySQL a transaction reads the row as it is now, and not as the transaction's snapshot has it.
func TestFindLocks(t *testing.T) {
	t.Parallel()
	b := statement.New(items(dialect.MySQL))
	const bare = "SELECT `title` FROM `items` WHERE `code` = ?"
	if got := b.Find([]string{"title"}, false, nil); got != bare {
		t.Errorf("Find is %q, want %q", got, bare)
	}
	if got := b.Find([]string{"title"}, true, nil); got == bare || !strings.HasPrefix(got, bare) {
		t.Errorf("Find with a lock is %q, want %q and a lock", got, bare)
	}
}
