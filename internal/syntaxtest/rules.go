package syntaxtest

import (
	"encoding/json"
	"time"

	"github.com/goupsert/upsert"
)

type replaceRow struct {
	ID    int64  `db:"id" upsert:"key"`
	Title string `db:"title"`
}

type keepRow struct {
	ID        int64     `db:"id" upsert:"key"`
	Title     string    `db:"title"`
	CreatedAt time.Time `db:"created_at" upsert:"keep"`
}

type fillRow struct {
	ID    int64   `db:"id" upsert:"key"`
	Phone *string `db:"phone" upsert:"fill"`
}

type coalesceRow struct {
	ID    int64   `db:"id" upsert:"key"`
	Phone *string `db:"phone" upsert:"coalesce"`
}

type maxRow struct {
	ID   int64  `db:"id" upsert:"key"`
	High *int64 `db:"high" upsert:"max"`
}

type minRow struct {
	ID  int64  `db:"id" upsert:"key"`
	Low *int64 `db:"low" upsert:"min"`
}

type orRow struct {
	ID   int64 `db:"id" upsert:"key"`
	Seen *bool `db:"seen" upsert:"or"`
}

type andRow struct {
	ID    int64 `db:"id" upsert:"key"`
	Valid *bool `db:"valid" upsert:"and"`
}

type mergeRow struct {
	ID   int64           `db:"id" upsert:"key"`
	Attr json.RawMessage `db:"attr" upsert:"merge"`
}

type versionRow struct {
	ID      int64  `db:"id" upsert:"key"`
	Title   string `db:"title"`
	Version int64  `db:"version" upsert:"version"`
}

type touchRow struct {
	ID        int64     `db:"id" upsert:"key"`
	Title     string    `db:"title"`
	UpdatedAt time.Time `db:"updated_at" upsert:"touch"`
}

type touchVersionRow struct {
	ID        int64     `db:"id" upsert:"key"`
	Version   int64     `db:"version" upsert:"version"`
	Title     string    `db:"title"`
	UpdatedAt time.Time `db:"updated_at" upsert:"touch"`
}

type addRow struct {
	ID    int64 `db:"id" upsert:"key"`
	Count int64 `db:"count" upsert:"add"`
}

type generatedRow struct {
	ID   int64  `db:"id" upsert:"generated"`
	Code string `db:"code" upsert:"key"`
	Name string `db:"name"`
}

type nowRow struct {
	ID        int64     `db:"id" upsert:"key"`
	Title     string    `db:"title"`
	CreatedAt time.Time `db:"created_at" upsert:"keep,now"`
	UpdatedAt time.Time `db:"updated_at" upsert:"touch,now"`
	FilledAt  time.Time `db:"filled_at" upsert:"fill,now"`
}

// allRow has a column of every rule, the version in the middle and the touched one before the others, so that their order
// in the statement is the dialect's doing.
type allRow struct {
	No        int64           `db:"no" upsert:"generated"`
	ID        int64           `db:"id" upsert:"key"`
	UpdatedAt time.Time       `db:"updated_at" upsert:"touch"`
	Title     string          `db:"title"`
	CreatedAt time.Time       `db:"created_at" upsert:"keep"`
	Phone     *string         `db:"phone" upsert:"fill"`
	Email     *string         `db:"email" upsert:"coalesce"`
	Version   int64           `db:"version" upsert:"version"`
	High      *int64          `db:"high" upsert:"max"`
	Low       *int64          `db:"low" upsert:"min"`
	Seen      *bool           `db:"seen" upsert:"or"`
	Valid     *bool           `db:"valid" upsert:"and"`
	Attr      json.RawMessage `db:"attr" upsert:"merge"`
	Count     int64           `db:"count" upsert:"add"`
}

// kindsRow has a column of every kind that is compared in its own way.
type kindsRow struct {
	ID    int64           `db:"id" upsert:"key"`
	Text  string          `db:"text"`
	Bytes []byte          `db:"bytes"`
	Doc   json.RawMessage `db:"doc"`
	Real  float64         `db:"real"`
	At    time.Time       `db:"at"`
	Any   any             `db:"any"`
}

// kindsTouchRow has a touched column, so that MySQL compares the others too.
type kindsTouchRow struct {
	kindsRow
	UpdatedAt time.Time `db:"updated_at" upsert:"touch"`
}

type omitRow struct {
	ID    int64  `db:"id" upsert:"key"`
	Title string `db:"title,omitempty" upsert:"omitzero"`
	Score int64  `db:"score" upsert:"max,omitzero"`
	Note  string `db:"note"`
}

func ruleCases() []Case {
	return []Case{
		{"rule-replace", "A column without a rule takes the new value. A row that has it already is not written: no new row version, no\ntrigger.", id, table([]replaceRow{{ID: 1}})},
		{"rule-keep", "A kept column is written by an insert and never assigned.", id, table([]keepRow{{ID: 1}})},
		{"rule-fill", "A filled column takes the new value only where the stored one is NULL.", id, table([]fillRow{{ID: 1}})},
		{"rule-coalesce", "A new NULL leaves the stored value.", id, table([]coalesceRow{{ID: 1}})},
		{"rule-max", "The greater of the two; NULL loses. GREATEST is not used: databases differ in what it makes of NULL.", id, table([]maxRow{{ID: 1}})},
		{"rule-min", "The lesser of the two; NULL loses.", id, table([]minRow{{ID: 1}})},
		{"rule-or", "A flag that only turns on; NULL loses.", id, table([]orRow{{ID: 1}})},
		{"rule-and", "A flag that only turns off; NULL loses.", id, table([]andRow{{ID: 1}})},
		{"rule-merge", "JSON Merge Patch. What is inserted is a patch of nothing, or a null member would be stored first and removed by the\nrepetition.", id, table([]mergeRow{{ID: 1}})},
		{"rule-merge-removes", "A patch that removes a member. What is inserted lacks it, so the conflict is given the patch itself: by its parameter once\nmore, or beside VALUES() from a SELECT, next to which there is no row alias (hazard H11).", id, table([]mergeRow{{ID: 1, Attr: json.RawMessage(`{"a":null}`)}})},
		{"rule-version", "A row that is not newer changes nothing at all. Where assignments run from left to right the version comes last, for\nthe others read it (hazards H16, H17).", id, table([]versionRow{{ID: 1}})},
		{"rule-touch", "A touched column changes only with another one. Where assignments run from left to right it comes first, for it reads\nthe others.", id, table([]touchRow{{ID: 1}})},
		{"rule-touch-version", "With a version, a touched column follows it: a newer row is written whole.", id, table([]touchVersionRow{{ID: 1}})},
		{"rule-add", "The sum; NULL loses. It is not repeat-safe, so the text is to be had but only a claim runs it.", id, table([]addRow{{ID: 1}})},
		{"rule-generated", "A generated column is not written. Here it is the table's primary key, and another column the target.", []string{"code"}, table([]generatedRow{{Code: "a"}})},
		{"rules-all", "Every rule at once, in an order of fields that no statement can keep.", id, table([]allRow{{ID: 1}})},
		{"rules-all-removes", "Every rule at once, with a patch that removes a member.", id, table([]allRow{{ID: 1, Attr: json.RawMessage(`{"a":null}`)}})},
		{"now", "The database's clock: no parameter. On SQLite its text has the form in which times are bound.", id, table([]nowRow{{ID: 1}})},
		{"kinds", "Whether a value differs is asked byte by byte for text, or a collation that takes 'a' for 'A' would keep the old one\nfor ever; by the database's own comparison for numbers and times.", id, table([]kindsRow{{ID: 1}})},
		{"kinds-touch", "The same where a touched column waits for the others, which MySQL and MariaDB compare for nothing else. A document that\nis replaced is compared byte by byte there.", id, table([]kindsTouchRow{{kindsRow: kindsRow{ID: 1}}})},
		{"omitzero-none", "No omitted column: both have a value.", id, table([]omitRow{{ID: 1, Title: "a", Score: 2}})},
		{"omitzero-one", "A column that is omitted is neither inserted nor assigned: the excluded row would have its DEFAULT (hazard P12).", id, table([]omitRow{{ID: 1, Score: 2}})},
		{"omitzero-all", "Both are omitted.", id, table([]omitRow{{ID: 1}})},
		{"map", "Rows of map[string]any, with the columns given as options.", []string{"tz"}, table([]map[string]any{{"tz": "Europe/Vienna", "comments": nil, "seen_at": "2026-01-01"}},
			upsert.Column("tz", upsert.Key), upsert.Column("comments", upsert.Coalesce), upsert.Column("seen_at", upsert.Touch))},
	}
}
