package bulk_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/lab"
)

// everyByte returns each byte value once, so that the result is not valid UTF-8.
func everyByte() []byte {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return all
}

func TestHazard_H25_LoadDataTakesAnyByte(t *testing.T) {
	t.Parallel()
	type thing struct {
		K       []byte `upsert:"key"`
		Blob    []byte
		Text    string // for a column of bytes
		Fixed   []byte
		Number  uint64
		Flag    bool
		Pointer *[]byte
		Name    string
	}
	const columns = "k VARBINARY(300) PRIMARY KEY, `blob` LONGBLOB, text VARBINARY(300), fixed BINARY(4), number BIT(64), flag BIT(1), pointer BLOB, name VARCHAR(99) CHARACTER SET latin1"
	bulkEach(t, lab.OnDuplicateKey, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (" + columns + ")")
		all := everyByte()
		rows := []thing{
			{K: all, Blob: all, Text: string(all), Fixed: []byte{0xff, 0, '\t', '\n'}, Number: 1 << 63, Flag: true, Pointer: &all, Name: "é\t\\"},
			{K: []byte{}, Blob: []byte{}, Fixed: []byte{0, 0, 0, 0}},
			{K: []byte{0}, Blob: []byte(`\N`), Text: `\N`, Fixed: []byte(`\N\t`), Number: 7, Pointer: &[]byte{}},
		}
		table := bulkTable[thing](b, "things")
		for _, outcomes := range []bool{false, true} {
			var opts []upsert.PutOption
			if outcomes {
				opts = append(opts, upsert.Outcomes())
			}
			r, err := table.PutAll(b.lab.Context(), b.lab.DB, rows, opts...)
			if err != nil {
				b.lab.Fatalf("PutAll: %v", err)
			}
			if outcomes {
				b.lab.Want("the rows again", r, upsert.Result{Unchanged: 3})
			}
		}
		for _, row := range rows {
			var got thing
			err := b.lab.DB.QueryRowContext(b.lab.Context(), "SELECT `blob`, text, fixed, number + 0, flag + 0, name FROM things WHERE k = ?", row.K).
				Scan(&got.Blob, &got.Text, &got.Fixed, &got.Number, &got.Flag, &got.Name)
			if err != nil {
				b.lab.Fatalf("key %x: %v", row.K, err)
			}
			if !bytes.Equal(got.Blob, row.Blob) || got.Text != row.Text || !bytes.Equal(got.Fixed, row.Fixed) || got.Number != row.Number || got.Flag != row.Flag || got.Name != row.Name {
				b.lab.Errorf("key %x: got %+v, want %+v", row.K, got, row)
			}
		}
		b.lab.Want("what is left in the session's variables", b.lab.Text("SELECT @_upsert_0, @_upsert_1"), "NULL|NULL")
	})
}

// TestHazard_H25_BitsFromBytes checks that a BIT column accepts bytes as well as a number. MySQL 8 refuses bytes that are
// not valid UTF-8 (3988) if they are a parameter of a prepared statement that is executed again, for every client.
func TestHazard_H25_BitsFromBytes(t *testing.T) {
	t.Parallel()
	type thing struct {
		K    int `upsert:"key"`
		Bits any
	}
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, bits BIT(16))")
		table := lab.Table[thing](l, "things", lab.Load, upsert.Via(upsert.Copy))
		rows := []thing{{1, []byte{0x80, 0x0a}}, {2, []byte{0xff, 0xff}}, {3, 5}, {4, true}, {5, nil}, {6, []byte{}}, {7, uint16(65535)}, {8, "A"}, {9, 4.0}}
		if _, err := table.PutAll(l.Context(), l.DB, rows); err != nil {
			l.Fatal(err)
		}
		l.Want("the numbers", l.Text("SELECT bits + 0 FROM things ORDER BY k"), "32778 65535 5 1 NULL 0 65535 65 4")
		for _, wrong := range []any{2.5, []byte{1, 0, 0}, -1, 65536} {
			if _, err := table.PutAll(l.Context(), l.DB, []thing{{1, 0}, {2, wrong}}); err == nil {
				l.Errorf("a BIT(16) takes %v", wrong)
			}
		}
	})
}

// TestHazard_H25_OtherValuesInBytes checks other types in a column of bytes: each path stores the text of the value.
func TestHazard_H25_OtherValuesInBytes(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V any
	}
	bulkEach(t, lab.OnDuplicateKey, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, v VARBINARY(99))")
		rows := []thing{{1, 12}, {2, int64(-3)}, {3, uint64(1 << 63)}, {4, true}, {5, 1.5}, {6, "é"}, {7, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}, {8, nil}}
		if _, err := bulkTable[thing](b, "things").PutAll(b.lab.Context(), b.lab.DB, rows); err != nil {
			b.lab.Fatal(err)
		}
		b.lab.Want("the texts", b.lab.Text("SELECT CAST(v AS CHAR CHARACTER SET utf8mb4) FROM things ORDER BY k"), "12 -3 9223372036854775808 1 1.5 é 2026-01-02 03:04:05 NULL")
	})
}

// TestHazard_H25_IsReal shows that LOAD DATA refuses bytes that are not valid UTF-8.
func TestHazard_H25_IsReal(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.MySQL, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT, b BLOB)")
		mysql.RegisterReaderHandler(l.Name(), func() io.Reader { return strings.NewReader("1\t\xff\n") })
		defer mysql.DeregisterReaderHandler(l.Name())
		l.Fails(l.DB, "1300", "LOAD DATA LOCAL INFILE 'Reader::"+l.Name()+"' INTO TABLE things CHARACTER SET utf8mb4")
	})
}

// TestBulkColumnsOfATemporaryTable checks that the library knows the columns of a temporary table, which information_schema
// does not list.
func TestBulkColumnsOfATemporaryTable(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		B []byte
	}
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		conn := l.Conn()
		l.On(conn, "CREATE TEMPORARY TABLE mine (k INT PRIMARY KEY, b BLOB)")
		table := lab.Table[thing](l, "mine", lab.Load, upsert.Via(upsert.Copy))
		if _, err := table.PutAll(l.Context(), conn, []thing{{1, everyByte()}, {2, nil}}); err != nil {
			l.Fatalf("PutAll: %v", err)
		}
		l.Want("the bytes", l.TextOn(conn, "SELECT HEX(b) FROM mine WHERE k = 1"), fmt.Sprintf("%X", everyByte()))
	})
}

func TestBulkOutcomesOfLoadData(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V string
	}
	bulkEach(t, lab.OnDuplicateKey, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, v VARCHAR(9))", "INSERT INTO things VALUES (1, 'a'), (2, 'b')")
		table := bulkTable[thing](b, "things")
		var each []upsert.Outcome
		rows := []thing{{3, "c"}, {2, "x"}, {1, "a"}, {3, "d"}}
		r, err := table.PutAll(b.lab.Context(), b.lab.DB, rows, upsert.EachOutcome(func(_ int, o upsert.Outcome) { each = append(each, o) }))
		b.lab.Want("PutAll", fmt.Sprint(r, err, each), "1 inserted, 2 updated, 1 unchanged <nil> [inserted updated unchanged updated]")
		r, err = table.PutSeq(b.lab.Context(), b.lab.DB, lab.Seq(rows[2:]), upsert.Outcomes())
		b.lab.Want("PutSeq", fmt.Sprint(r, err), "2 unchanged <nil>")
	})
}

// TestBulkPatchThatRemovesMembers checks JSON patches that remove members. Such a patch would be lost if the statement were
// not told about the removal.
func TestBulkPatchThatRemovesMembers(t *testing.T) {
	t.Parallel()
	type thing struct {
		K   int    `upsert:"key"`
		Doc string `upsert:"merge"`
	}
	bulkEach(t, lab.OnDuplicateKey, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, doc JSON)")
		table := bulkTable[thing](b, "things")
		rows := []thing{{1, `{"a": 1, "b": {"c": 1}}`}, {2, `{"a": 1}`}, {3, `{"a": 1}`}}
		b.lab.Want("documents", bulkPut(b, table, b.lab.DB, rows), upsert.Result{Inserted: 3})
		rows = []thing{{1, `{"a": null, "b": {"c": null}}`}, {2, `{"z": 1}`}, {3, `{"z": null}`}, {4, `{"z": null, "y": 1}`}}
		b.lab.Want("patches", bulkPut(b, table, b.lab.DB, rows), upsert.Result{Inserted: 1, Updated: 2, Unchanged: 1})
		b.lab.Want("patches again", bulkPut(b, table, b.lab.DB, rows), upsert.Result{Unchanged: 4})
		b.lab.Want("the documents", b.lab.Text("SELECT JSON_EXTRACT(doc, '$.a'), JSON_EXTRACT(doc, '$.b.c'), JSON_EXTRACT(doc, '$.b'), JSON_EXTRACT(doc, '$.z') FROM things ORDER BY k"),
			"NULL|NULL|{}|NULL 1|NULL|NULL|1 1|NULL|NULL|NULL NULL|NULL|NULL|NULL")
	})
}
