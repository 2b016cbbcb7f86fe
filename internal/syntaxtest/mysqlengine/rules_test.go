package mysqlengine_test

import (
	"database/sql"
	"encoding/json"
	"slices"
	"testing"

	"github.com/goupsert/upsert"
)

type everything struct {
	No   int64           `db:"no" upsert:"generated"`
	ID   int64           `db:"id" upsert:"key"`
	Keep string          `db:"kept" upsert:"keep"`
	Fill *string         `db:"filled" upsert:"fill"`
	Last *string         `db:"last" upsert:"coalesce"`
	High *int64          `db:"high" upsert:"max"`
	Low  *int64          `db:"low" upsert:"min"`
	Seen *bool           `db:"seen" upsert:"or"`
	Good *bool           `db:"good" upsert:"and"`
	Attr json.RawMessage `db:"attr" upsert:"merge"`
}

const everythings = "CREATE TABLE everythings (no BIGINT AUTO_INCREMENT PRIMARY KEY, id BIGINT NOT NULL UNIQUE, kept VARCHAR(9), filled VARCHAR(9), last VARCHAR(9), " +
	"high BIGINT, low BIGINT, seen BOOLEAN, good BOOLEAN, attr JSON)"

// TestRules: what each rule makes of NULL and of values, row by row. A patch that removes a member is not among them: its
// statement is an INSERT … SELECT, see TestSelectWithDuplicates.
func TestRules(t *testing.T) {
	t.Parallel()
	each(t, everythings, func(t *testing.T, s setting, db *sql.DB) {
		rows := table[everything](t, s, "everythings")
		for i, step := range []struct {
			row  everything
			out  upsert.Outcome
			want string
		}{
			{everything{ID: 1, Keep: "a"}, upsert.Inserted, `["a", null, null, null, null, null, null, null]`},
			{everything{ID: 1, Keep: "b"}, upsert.Unchanged, `["a", null, null, null, null, null, null, null]`},
			{
				everything{ID: 1, Fill: ptr("f"), Last: ptr("l"), High: ptr(int64(5)), Low: ptr(int64(5)), Seen: ptr(false), Good: ptr(true), Attr: json.RawMessage(`{"x": 1}`)},
				upsert.Updated, `["a", "f", "l", 5, 5, 0, 1, {"x": 1}]`,
			},
			{
				everything{ID: 1, Fill: ptr("g"), Last: ptr("m"), High: ptr(int64(4)), Low: ptr(int64(6)), Seen: ptr(true), Good: ptr(false), Attr: json.RawMessage(`{"y": 2}`)},
				upsert.Updated, `["a", "f", "m", 5, 5, 1, 0, {"x": 1, "y": 2}]`,
			},
			{
				everything{ID: 1, High: ptr(int64(6)), Low: ptr(int64(4)), Seen: ptr(false), Good: ptr(true), Attr: json.RawMessage(`{"y":2}`)},
				upsert.Updated, `["a", "f", "m", 6, 4, 1, 0, {"x": 1, "y": 2}]`,
			},
			{everything{ID: 1, Keep: "c", Fill: ptr("h"), High: ptr(int64(6))}, upsert.Unchanged, `["a", "f", "m", 6, 4, 1, 0, {"x": 1, "y": 2}]`},
		} {
			have, err := rows.Put(t.Context(), db, &step.row)
			if err != nil || have != step.out {
				t.Errorf("step %d: want %s, have %s, error %v", i, step.out, have, err)
			}
			if v := stored(t, db, "SELECT JSON_ARRAY(kept, filled, last, high, low, seen, good, attr) FROM everythings"); !slices.Equal(v, []string{step.want}) {
				t.Errorf("step %d: stored are %v, want %s", i, v, step.want)
			}
		}
	})
}

func ptr[T any](v T) *T { return &v }
