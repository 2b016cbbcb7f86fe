package verify_test

import (
	"database/sql"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/lab"
)

type (
	// everything has a field of each Go type whose column type is known.
	everything struct {
		Code    string `upsert:"key"`
		Tenant  int64  `upsert:"key"`
		Raw     []byte `upsert:"key"`
		Bool    bool
		Int     int
		Int8    int8
		Int16   int16
		Int32   int32
		Uint    uint
		Uint8   uint8
		Uint16  uint16
		Uint32  uint32
		Float32 float32
		Float64 float64
		String  string
		Bytes   []byte
		JSON    json.RawMessage
		Time    time.Time
		Created time.Time `upsert:"keep,now"`
		Pointer *string
		Null    sql.NullInt32
		Nulls   sql.Null[time.Time]
	}
	numbered struct {
		ID   int64  `upsert:"generated"`
		Mail string `upsert:"key"`
		Nick string `upsert:"key=nick"`
	}
	deleted struct {
		ID        int64      `upsert:"key"`
		DeletedAt *time.Time `db:"deleted_at"`
	}
	small struct {
		ID   int64 `upsert:"key"`
		Name string
	}
	late struct {
		ID     int64 `upsert:"key"`
		Status string
		At     time.Time `upsert:"omitzero"`
		Price  opaque
		Sum    int64 `upsert:"generated"`
	}
)

// schemas are tables that Schema can write.
var schemas = map[string]func(l *lab.Lab) (text string, verify verifier){
	"of every type":                       schemaOf[everything](),
	"numbered":                            schemaOf[numbered](),
	"small":                               schemaOf[small](),
	"with a rule of each database's JSON": schemaOf[merged](),
	"of a map":                            schemaOf[map[string]any](upsert.Column("id", upsert.Key), upsert.Column("v", upsert.Replace), upsert.ColumnType("id", "BIGINT"), upsert.ColumnType("v", "BIGINT")),
	"with named types": schemaOf[late](upsert.ColumnType("at", "TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)"), upsert.ColumnType("price", "NUMERIC(12,2)"),
		upsert.ColumnType("status", "VARCHAR(255) DEFAULT 'new'"), upsert.ColumnType("sum", "BIGINT GENERATED ALWAYS AS (id + 1) STORED")),
	"with some columns": schemaOf[numbered](upsert.Columns("mail")),
	"partial":           schemaOf[deleted](upsert.IndexWhere("deleted_at IS NULL")),
	"constrained":       schemaOf[small](upsert.OnConstraint("things_by_id")),
}

// schemaOf returns a function that makes a table for rows of type T, and returns no text if the database lacks what the options
// need.
func schemaOf[T any](opts ...upsert.Option) func(l *lab.Lab) (string, verifier) {
	return func(l *lab.Lab) (string, verifier) {
		table, err := upsert.New[T](l.D, "things", opts...)
		if _, lacks := lab.AsType[*dialect.UnsupportedError](err); lacks {
			return "", nil
		}
		if err != nil {
			l.Fatalf("New: %v", err)
		}
		text, err := table.Schema()
		if err != nil {
			l.Fatalf("Schema: %v", err)
		}
		return text, table.Verify
	}
}

// TestSchemaPassesVerify checks that Verify finds nothing in a table that Schema has written, not even a note. The exception is
// MySQL before 8.0.17, on which no binary collation of utf8mb4 tells 'a' from 'a '.
func TestSchemaPassesVerify(t *testing.T) {
	t.Parallel()
	for name, schema := range schemas {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(l *lab.Lab) {
				text, verify := schema(l)
				if text == "" {
					return
				}
				if name == "with named types" && l.D.Name() == "sqlite" { // its clock has another name
					text = strings.Replace(text, "(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)", " NOT NULL DEFAULT CURRENT_TIMESTAMP", 1)
				}
				if name == "with a rule of each database's JSON" && l.D.Name() == "postgres" {
					l.Exec(dialect.PostgresMergeFunction)
				}
				for statement := range strings.SplitSeq(text, ";\n") {
					l.Exec(statement)
				}
				for _, p := range findings(l, verify, l.DB) {
					if p.Check != upsert.CheckKeyPadding || p.Severity != upsert.Note || !strings.HasPrefix(l.D.Version(), "5.7") {
						l.Errorf("%s in\n%s", p, text)
					}
				}
			})
		})
	}
}

// TestSchemaRefuses checks that Schema names the column whose type it does not know.
func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	type many struct {
		ID int64 `upsert:"key"`
		A  int64 `upsert:"generated"`
		B  int64 `upsert:"generated"`
	}
	type clock struct {
		ID int64     `upsert:"key"`
		At time.Time `upsert:"generated"`
	}
	type long struct {
		A, B, C, D string `upsert:"key"`
	}
	type longer struct {
		A, B, C string `upsert:"key"`
		N, O    int64  `upsert:"key"`
	}
	for name, c := range map[string]struct {
		schema func() (string, error)
		column string
	}{
		"a Valuer":                 {schemaText[valueOf[opaque]](t, dialect.SQLite), "v"},
		"a pointer to a Valuer":    {schemaText[valueOf[*opaque]](t, dialect.MySQL), "v"},
		"any":                      {schemaText[valueOf[any]](t, dialect.Postgres), "v"},
		"a list":                   {schemaText[valueOf[[]string]](t, dialect.Postgres), "v"},
		"omitzero":                 {schemaText[defaulted](t, dialect.MariaDB), "v"},
		"a column of a map":        {schemaText[map[string]any](t, dialect.SQLite, upsert.Column("id", upsert.Key)), "id"},
		"a long key":               {schemaText[long](t, dialect.MariaDB), "d"},
		"a key of a byte too many": {schemaText[longer](t, dialect.MySQL), "o"},
		"two numbered columns":     {schemaText[many](t, dialect.Postgres), "b"},
		"a generated time":         {schemaText[clock](t, dialect.Postgres), "at"},
		"a Valuer beside a string": {schemaText[late](t, dialect.Postgres, upsert.ColumnType("at", "timestamptz")), "price"},
	} {
		text, err := c.schema()
		wrong, ok := lab.AsType[*upsert.RowError](err)
		if text != "" || !ok || wrong.Column != c.column || !strings.Contains(err.Error(), `ColumnType("`+c.column+`"`) {
			t.Errorf("%s: %q, %v; want an error about %s", name, text, err, c.column)
		}
	}
	for name, option := range map[string]upsert.Option{"of no column": upsert.ColumnType("nam", "TEXT"), "empty": upsert.ColumnType("name", " ")} {
		if _, err := upsert.New[small](dialect.SQLite, "things", option); err == nil || !strings.Contains(err.Error(), "ColumnType") {
			t.Errorf("a type %s: New returns %v, want an error that names ColumnType", name, err)
		}
	}
}

func schemaText[T any](t *testing.T, d dialect.Dialect, opts ...upsert.Option) func() (string, error) {
	t.Helper()
	table, err := upsert.New[T](d, "things", opts...)
	if err != nil {
		t.Fatal(err)
	}
	return table.Schema
}
