package conformance

import (
	"encoding/json"
	"errors"
	"reflect"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
)

// merged is a row with a JSON document that a patch is merged into.
type merged struct {
	ID  int64           `db:"id" upsert:"key"`
	Doc json.RawMessage `db:"doc" upsert:"merge"`
}

const mergedColumns = "id {int} NOT NULL PRIMARY KEY, doc {json}"

func mergeBehaviours() []behaviour {
	return []behaviour{
		{name: "as RFC 7396 has it", run: mergePatch},
		{name: "with NULL", run: mergeNull},
		{name: "of duplicates in a batch", run: mergeBatch},
		{name: "of text fields", run: mergeText},
		{name: "of what is no JSON", run: mergeNoJSON},
		{name: "of a name that is there twice is refused", run: mergeRepeatedName},
		{name: "without the function is refused", run: mergeRefused, only: "postgres"},
	}
}

// mergeRepeatedName checks that a patch with a repeated name is refused. RFC 8259 does not define which of the values counts.
func mergeRepeatedName(p *place) {
	p.createMerged()
	tab := table[merged](p, "docs")
	for _, patch := range []string{`{"a":1,"a":2}`, `{"a":1,"b":[{"c":{},"c":null}]}`, `{"a":1,"\u0061":2}`} {
		row := merged{1, json.RawMessage(patch)}
		_, err := tab.Put(p.ctx, p.db, &row)
		wantRowError(p, err, "docs", "doc", -1)
		_, err = tab.PutAll(p.ctx, p.db, []merged{{2, json.RawMessage(`{}`)}, row})
		wantRowError(p, err, "docs", "doc", 1)
	}
	p.wantCount("docs", 0)
	for i, patch := range []string{`{"a":{"a":1},"b":[{"a":1},{"a":"a"}]}`, `["a","a"]`, `"a"`} {
		put(p, tab, &merged{int64(i), json.RawMessage(patch)}, inserted)
	}
}

func (p *place) createMerged() {
	p.Helper()
	p.create("docs", mergedColumns)
	if p.postgres() {
		p.exec(dialect.PostgresMergeFunction)
		p.exec(dialect.PostgresMergeFunction) // a migration may run twice
	}
}

// patchCases returns the cases of RFC 7396, Appendix A, and some that the appendix lacks.
func patchCases() []struct{ target, patch, want string } {
	return []struct{ target, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		// These cases are not in the appendix.
		{`{"a":{"b":{"c":1,"d":2}},"x":[null]}`, `{"a":{"b":{"c":null}}}`, `{"a":{"b":{"d":2}},"x":[null]}`},
		{`{"a":1}`, `{}`, `{"a":1}`},
		{`"text"`, `{"a":1}`, `{"a":1}`},
		{`{"ü":"漢"}`, `{"ü":"\"\\'"}`, `{"ü":"\"\\'"}`},
	}
}

// wantJSON compares JSON documents, not their texts.
func wantJSON(p *place, what string, got []byte, want string) {
	p.Helper()
	var g, w any
	if err := errors.Join(json.Unmarshal(got, &g), json.Unmarshal([]byte(want), &w)); err != nil {
		p.Fatalf("%s: %q: %v", what, got, err)
	}
	if !reflect.DeepEqual(g, w) {
		p.Errorf("%s: %s, want %s", what, got, want)
	}
}

// sameJSON reports whether two texts represent the same document.
func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

func mergePatch(p *place) {
	p.createMerged()
	tab := table[merged](p, "docs")
	for i, c := range patchCases() {
		for at, verb := range []string{"Put", "PutAll"} {
			row := merged{int64(2*i + at), json.RawMessage(c.patch)}
			p.exec("INSERT INTO docs (id, doc) VALUES (?, ?)", row.ID, c.target)
			want := updated
			if sameJSON(c.target, c.want) {
				want = unchanged
			}
			if verb == "Put" {
				put(p, tab, &row, want)
				put(p, tab, &row, unchanged)
			} else {
				putAll(p, tab, []merged{row, row}, want, unchanged)
			}
			wantJSON(p, verb+": "+c.patch+" merged into "+c.target, get[[]byte](p, "SELECT doc FROM docs WHERE id = ?", row.ID), c.want)
		}
	}
}

// mergeNull checks NULL. A NULL patch changes no document, and a NULL document counts as an empty document. An insert also merges
// its patch into an empty document. Otherwise a repeated put would remove members that the insert stored.
func mergeNull(p *place) {
	p.createMerged()
	tab := table[merged](p, "docs")
	put(p, tab, &merged{1, nil}, inserted)
	put(p, tab, &merged{1, nil}, unchanged)
	wantSame(p, "documents that are NULL", get[int](p, "SELECT count(*) FROM docs WHERE doc IS NULL"), 1)
	put(p, tab, &merged{1, json.RawMessage(`{"a":1,"b":null}`)}, updated)
	wantJSON(p, "a patch of NULL", get[[]byte](p, "SELECT doc FROM docs"), `{"a":1}`)
	put(p, tab, &merged{1, nil}, unchanged)
	wantJSON(p, "a patch that is NULL", get[[]byte](p, "SELECT doc FROM docs"), `{"a":1}`)

	row := merged{2, json.RawMessage(`{"a":null,"b":{"c":null,"d":[null]}}`)}
	put(p, tab, &row, inserted)
	wantJSON(p, "an inserted patch", get[[]byte](p, "SELECT doc FROM docs WHERE id = 2"), `{"b":{"d":[null]}}`)
	put(p, tab, &row, unchanged)
}

func mergeBatch(p *place) {
	p.createMerged()
	tab := table[merged](p, "docs")
	doc := func(id int64, s string) merged { return merged{id, json.RawMessage(s)} }
	putAll(p, tab, []merged{
		doc(2, `{"a":1}`), doc(1, `{"a":1}`), doc(2, `{"b":2}`), doc(2, `{"a":null}`), doc(1, `{"a":1}`), {2, nil},
	}, inserted, inserted, updated, updated, unchanged, unchanged)
	wantJSON(p, "two patches", get[[]byte](p, "SELECT doc FROM docs WHERE id = 2"), `{"b":2}`)
}

// mergeText keeps the document in a string field, beside other columns.
func mergeText(p *place) {
	type row struct {
		ID      int64   `db:"id" upsert:"key"`
		Doc     *string `db:"doc" upsert:"merge"`
		Touched string  `db:"touched" upsert:"touch"`
		Version int64   `db:"version" upsert:"version"`
	}
	p.createMerged()
	p.exec("ALTER TABLE docs ADD touched " + p.types("{text}"))
	p.exec("ALTER TABLE docs ADD version " + p.types("{int}"))
	tab := table[row](p, "docs")
	put(p, tab, &row{1, ptr(`{"a":1}`), "t1", 1}, inserted)
	put(p, tab, &row{1, ptr(`{"a": 1}`), "t2", 1}, unchanged)
	put(p, tab, &row{1, ptr(`{"a":2}`), "t3", 1}, stale)
	put(p, tab, &row{1, ptr(`{"b":2}`), "t4", 2}, updated)
	wantJSON(p, "the document", get[[]byte](p, "SELECT doc FROM docs"), `{"a":1,"b":2}`)
	wantRows(p, "SELECT touched FROM docs", "t4")
}

func mergeNoJSON(p *place) {
	p.createMerged()
	tab := table[merged](p, "docs")
	for _, text := range []string{`{"a":`, "", "text", `{"a":1} {"b":2}`} {
		_, err := tab.PutAll(p.ctx, p.db, []merged{{1, json.RawMessage(`{}`)}, {2, json.RawMessage(text)}})
		wantRowError(p, err, "docs", "doc", 1)
	}
	p.wantCount("docs", 0)
}

// mergeRefused checks that the transaction can continue after a refused merge, because no statement failed in the transaction.
func mergeRefused(p *place) {
	p.create("docs", mergedColumns)
	tab := table[merged](p, "docs")
	tx := p.begin(nil)
	row := merged{1, json.RawMessage(`{"a":1}`)}
	for _, db := range []upsert.DB{tx, p.db} {
		_, put := tab.Put(p.ctx, db, &row)
		_, all := tab.PutAll(p.ctx, db, []merged{row, row}, upsert.Outcomes())
		_, seq := tab.PutSeq(p.ctx, db, sequence(row))
		_, create := tab.GetOrCreate(p.ctx, db, &row)
		for verb, err := range map[string]error{"Put": put, "PutAll": all, "PutSeq": seq, "GetOrCreate": create} {
			var lacks *dialect.UnsupportedError
			if !errors.As(err, &lacks) || lacks.Dialect != "postgres" || lacks.Hint == "" {
				p.Errorf("%s: error %v, want a *dialect.UnsupportedError that names the function to install", verb, err)
			}
		}
	}
	if _, err := tx.ExecContext(p.ctx, "INSERT INTO docs (id) VALUES (7)"); err != nil {
		p.Errorf("the transaction cannot continue: %v", err)
	}
	if err := tx.Commit(); err != nil {
		p.Error(err)
	}
	p.wantCount("docs", 1)
	p.exec(dialect.PostgresMergeFunction)
	put(p, tab, &row, inserted) // the same table value notices the new function
}
