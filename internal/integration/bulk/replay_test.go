package bulk_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/lab"
)

// The tests of this file check that repeating a batch on PostgreSQL writes no row, on each path and with each rule.

// ruled has a column for every rule except version and add.
type ruled struct {
	K        int `upsert:"key"`
	Last     string
	First    string          `upsert:"keep"`
	Seen     int             `upsert:"touch"`
	High     int             `upsert:"max"`
	Low      int             `upsert:"min"`
	Doc      json.RawMessage // rule replace
	Patch    json.RawMessage `upsert:"merge"`
	Some     *int            `upsert:"coalesce"`
	Filled   *int            `upsert:"fill"`
	Any      *bool           `upsert:"or"`
	All      *bool           `upsert:"and"`
	Optional int             `upsert:"replace,omitzero"`
}

const ruledTable = `CREATE TABLE things (k int PRIMARY KEY, last text, first text, seen int, high int, low int, doc jsonb, patch jsonb,
"some" int, filled int, "any" bool, "all" bool, optional int)`

func ruledRow(k int) ruled {
	five, yes, no := 5, true, false
	return ruled{
		K: k, Last: "last", First: "first", Seen: 5, High: 5, Low: 5, Doc: json.RawMessage(`{"a":1,"b":[1,2]}`),
		Patch: json.RawMessage(`{"a":1,"b":{"c":2}}`), Some: &five, Filled: &five, Any: &no, All: &yes, Optional: 5,
	}
}

// countTriggers creates a trigger that counts the rows about to be written. A rollback does not reset the count.
func (b *bulkLab) countTriggers() {
	b.lab.Exec("CREATE SEQUENCE fired", `CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM nextval('fired'); RETURN NEW; END$$`,
		"CREATE TRIGGER fire BEFORE INSERT OR UPDATE ON things FOR EACH ROW EXECUTE FUNCTION fire()")
}

func TestBulkReplayWritesNothing(t *testing.T) {
	t.Parallel()
	bulkEach(t, lab.Postgres, func(b *bulkLab) {
		b.lab.Exec(ruledTable)
		b.countTriggers()
		// TestBulkRuleByRule tests merge: the merge function is slow and processes one row at a time.
		table := bulkTable[ruled](b, "things", upsert.Columns("k", "last", "first", "seen", "high", "low", "doc", "some", "filled", "any", "all", "optional"))
		rows := make([]ruled, 2002)
		for i := range rows {
			rows[i] = ruledRow(i)
		}
		b.lab.Want("the first time", bulkPut(b, table, b.lab.DB, rows), upsert.Result{Inserted: 2002})
		before, fired := b.versions("things"), b.lab.Text("SELECT last_value FROM fired")
		slices.Reverse(rows)
		for i := range rows { // other spellings, and columns that do not count
			rows[i].Doc, rows[i].Seen, rows[i].First = json.RawMessage(`{"b": [1, 2], "a": 1}`), 99, "other"
			rows[i].Some, rows[i].High, rows[i].Low = nil, 4, 6
		}
		b.lab.Want("the second time", bulkPut(b, table, b.lab.DB, rows), upsert.Result{Unchanged: 2002})
		r, err := table.PutAll(b.lab.Context(), b.lab.DB, rows)
		b.lab.Want("without Outcomes", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Unknown: 2002}, nil))
		r, err = table.PutSeq(b.lab.Context(), b.lab.DB, lab.Seq(rows), upsert.Outcomes())
		b.lab.Want("PutSeq", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Unchanged: 2002}, nil))
		r, err = table.PutAll(b.lab.Context(), b.lab.DB, rows, upsert.ChunkTx(1200), upsert.Outcomes())
		b.lab.Want("in chunks", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Unchanged: 2002}, nil))
		tx := b.lab.Begin(nil)
		// PostgreSQL may not yet have reported the earlier work of the connection, which would be counted here.
		const tuples = "SELECT n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables WHERE relid = 'things'::regclass"
		already := b.lab.TextOn(tx, tuples)
		b.lab.Want("in a transaction of the caller's", bulkPut(b, table, tx, rows), upsert.Result{Unchanged: 2002})
		b.lab.Want("tuples written in the transaction", b.lab.TextOn(tx, tuples), already)
		b.lab.Commit(tx)
		b.lab.Want("row versions and locks", b.versions("things"), before)
		b.lab.Want("rows for which the trigger was called", b.lab.Text("SELECT last_value FROM fired"), fired)
	})
}

// TestBulkRuleByRule changes one column in each row. The rule of the column decides whether the change counts.
func TestBulkRuleByRule(t *testing.T) {
	t.Parallel()
	six, yes, no := 6, true, false
	cases := []struct {
		name   string
		change func(*ruled)
		want   upsert.Outcome
		stored string // the difference from the first row afterwards
	}{
		{"nothing", func(*ruled) {}, upsert.Unchanged, ""},
		{"replace", func(r *ruled) { r.Last = "LAST" }, upsert.Updated, "last=LAST"},
		{"keep", func(r *ruled) { r.First = "other" }, upsert.Unchanged, ""},
		{"touch alone", func(r *ruled) { r.Seen = 6 }, upsert.Unchanged, ""},
		{"touch with another", func(r *ruled) { r.Seen, r.Last = 6, "new" }, upsert.Updated, "last=new seen=6"},
		{"max, less", func(r *ruled) { r.High = 4 }, upsert.Unchanged, ""},
		{"max, greater", func(r *ruled) { r.High = 6 }, upsert.Updated, "high=6"},
		{"min, greater", func(r *ruled) { r.Low = 6 }, upsert.Unchanged, ""},
		{"min, less", func(r *ruled) { r.Low = 4 }, upsert.Updated, "low=4"},
		{"JSON in another spelling", func(r *ruled) { r.Doc = json.RawMessage(`{ "b":[1,2], "a":1.0 }`) }, upsert.Unchanged, ""},
		{"JSON in another order", func(r *ruled) { r.Doc = json.RawMessage(`{"a":1,"b":[2,1]}`) }, upsert.Updated, `doc={"a":1,"b":[2,1]}`},
		{"JSON that is gone", func(r *ruled) { r.Doc = nil }, upsert.Updated, "doc=NULL"},
		{"merge of what is there", func(r *ruled) { r.Patch = json.RawMessage(`{"b":{"c":2}}`) }, upsert.Unchanged, ""},
		{"merge of what is new", func(r *ruled) { r.Patch = json.RawMessage(`{"b":{"d":3}}`) }, upsert.Updated, `patch={"a":1,"b":{"c":2,"d":3}}`},
		{"merge that removes", func(r *ruled) { r.Patch = json.RawMessage(`{"a":null}`) }, upsert.Updated, `patch={"b":{"c":2}}`},
		{"merge that removes what is not there", func(r *ruled) { r.Patch = json.RawMessage(`{"z":null}`) }, upsert.Unchanged, ""},
		{"merge of NULL", func(r *ruled) { r.Patch = nil }, upsert.Unchanged, ""},
		{"coalesce of NULL", func(r *ruled) { r.Some = nil }, upsert.Unchanged, ""},
		{"coalesce of a value", func(r *ruled) { r.Some = &six }, upsert.Updated, "some=6"},
		{"fill", func(r *ruled) { r.Filled = &six }, upsert.Unchanged, ""},
		{"or with true", func(r *ruled) { r.Any = &yes }, upsert.Updated, "any=true"},
		{"or with NULL", func(r *ruled) { r.Any = nil }, upsert.Unchanged, ""},
		{"and with false", func(r *ruled) { r.All = &no }, upsert.Updated, "all=false"},
		{"and with true", func(r *ruled) { r.All = &yes }, upsert.Unchanged, ""},
		{"omitzero", func(r *ruled) { r.Optional = 0 }, upsert.Unchanged, ""},
		{"omitzero with a value", func(r *ruled) { r.Optional = 6 }, upsert.Updated, "optional=6"},
		{"a key that is new", func(r *ruled) { r.K = 1000 }, upsert.Inserted, "k=1000"},
	}
	bulkEach(t, lab.Postgres, func(b *bulkLab) {
		b.lab.Exec(dialect.PostgresMergeFunction)
		b.lab.Exec(ruledTable)
		table := bulkTable[ruled](b, "things")
		var rows, changed []ruled
		var want []upsert.Outcome
		for i, c := range cases {
			rows, want = append(rows, ruledRow(i)), append(want, c.want)
			row := ruledRow(i)
			c.change(&row)
			changed = append(changed, row)
		}
		bulkPut(b, table, b.lab.DB, rows)
		old := b.differences(0)
		var got []upsert.Outcome
		if _, err := table.PutAll(b.lab.Context(), b.lab.DB, changed, upsert.EachOutcome(func(_ int, o upsert.Outcome) { got = append(got, o) })); err != nil {
			b.lab.Fatalf("PutAll: %v", err)
		}
		for i, c := range cases {
			b.lab.Want(c.name, got[i], want[i])
			stored := b.differences(changed[i].K)
			b.lab.Want(c.name+": is it the row version that was there", stored[0] == "old", c.want == upsert.Unchanged)
			b.lab.Want(c.name+": what is stored", strings.Join(slices.DeleteFunc(stored[1:], func(s string) bool { return slices.Contains(old[1:], s) }), " "), c.stored)
		}
	})
}

// differences returns the columns of a row as name=value in alphabetical order. The first element says whether the row
// version is old or new.
func (b *bulkLab) differences(k int) []string {
	b.lab.Helper()
	text := b.lab.Text(fmt.Sprintf(`SELECT CASE WHEN t.xmin::text = (SELECT xmin::text FROM things WHERE k = 0) THEN 'old' ELSE 'new' END,
(SELECT string_agg(key || '=' || COALESCE(replace(value, ' ', ''), 'NULL'), '|' ORDER BY key) FROM jsonb_each_text(to_jsonb(t) - CASE WHEN k < 1000 THEN 'k' ELSE '' END)) FROM things t WHERE k = %d`, k))
	return strings.Split(text, "|")
}

func TestBulkVersions(t *testing.T) {
	t.Parallel()
	type thing struct {
		K   int `upsert:"key"`
		V   string
		Rev *int `upsert:"version"`
	}
	bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, v VARCHAR(9), rev INT)")
		table := bulkTable[thing](b, "things")
		rev := func(n int) *int { return &n }
		bulkPut(b, table, b.lab.DB, []thing{{1, "a", rev(5)}, {2, "a", rev(5)}, {3, "a", rev(5)}, {4, "a", rev(5)}, {5, "a", nil}, {6, "a", nil}, {7, "a", rev(5)}})
		var got []upsert.Outcome
		again := []thing{{1, "a", rev(5)}, {2, "b", rev(5)}, {3, "b", rev(4)}, {4, "b", rev(6)}, {5, "b", rev(1)}, {6, "a", nil}, {7, "a", nil}, {8, "a", rev(1)}}
		r, err := table.PutAll(b.lab.Context(), b.lab.DB, again, upsert.EachOutcome(func(_ int, o upsert.Outcome) { got = append(got, o) }))
		want := []upsert.Outcome{upsert.Unchanged, upsert.Stale, upsert.Stale, upsert.Updated, upsert.Updated, upsert.Unchanged, upsert.Stale, upsert.Inserted}
		b.lab.Want("outcomes", fmt.Sprint(got, r, err), fmt.Sprint(want, upsert.Result{Inserted: 1, Updated: 2, Unchanged: 2, Stale: 3}, nil))
		b.lab.Want("rows", b.lab.Text("SELECT * FROM things ORDER BY k"), "1|a|5 2|a|5 3|a|5 4|b|6 5|b|1 6|a|NULL 7|a|5 8|a|1")
		r, err = table.PutAll(b.lab.Context(), b.lab.DB, again, upsert.Outcomes())
		b.lab.Want("again", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Unchanged: 5, Stale: 3}, nil))
	})
}

func TestBulkAddsOnce(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int  `upsert:"key"`
		N *int `upsert:"add"`
	}
	bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, n INT)", "INSERT INTO things VALUES (1, 1), (2, 2), (3, NULL), (4, 4)")
		tx, two, zero := b.lab.Begin(nil), 2, 0
		r, err := bulkTable[thing](b, "things").PutAll(b.lab.Context(), bulkClaim{tx}, []thing{{1, &two}, {2, &zero}, {3, &two}, {4, nil}, {5, &two}, {1, &two}, {5, &zero}}, upsert.Outcomes())
		b.lab.Want("PutAll", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Inserted: 1, Updated: 3, Unchanged: 3}, nil))
		b.lab.Commit(tx)
		b.lab.Want("sums", b.lab.Text("SELECT * FROM things ORDER BY k"), "1|5 2|2 3|2 4|4 5|2")
	})
}

// bulkClaim is the transaction of a claim.
type bulkClaim struct{ *sql.Tx }

func (bulkClaim) UpsertClaim() error { return nil }
