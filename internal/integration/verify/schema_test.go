package verify_test

import (
	"database/sql"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert"
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
)

// schemas are tables that Schema can write.
var schemas = map[string]func(l *lab.Lab) (text string, err error, verify verifier){
	"of every type": schemaOf[everything](),
	"numbered":      schemaOf[numbered](),
	"small":         schemaOf[small](),
}

func schemaOf[T any](opts ...upsert.Option) func(l *lab.Lab) (string, error, verifier) {
	return func(l *lab.Lab) (string, error, verifier) {
		table := lab.Table[T](l, "things", opts...)
		text, err := table.Schema()
		return text, err, table.Verify
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
				text, err, verify := schema(l)
				if err != nil {
					l.Fatalf("Schema: %v", err)
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
