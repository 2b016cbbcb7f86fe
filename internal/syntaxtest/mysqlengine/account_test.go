package mysqlengine_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
)

// account has a generated number, so that an insert leaves it in the insert id: see TestInsertIDOfThePrevious.
type account struct {
	No        int64     `db:"no" upsert:"generated"`
	Code      string    `db:"code" upsert:"key"`
	Name      string    `db:"name"`
	UpdatedAt time.Time `db:"updated_at" upsert:"touch"`
	Version   int64     `db:"version" upsert:"version"`
}

const accounts = "CREATE TABLE accounts (no BIGINT AUTO_INCREMENT PRIMARY KEY, code VARCHAR(40) NOT NULL UNIQUE, name VARCHAR(40) NOT NULL, " +
	"updated_at DATETIME(6) NOT NULL, version BIGINT NOT NULL)"

// note is an account without a version: its touched column waits for another.
type note struct {
	No        int64     `db:"no" upsert:"generated"`
	Code      string    `db:"code" upsert:"key"`
	Name      string    `db:"name"`
	UpdatedAt time.Time `db:"updated_at" upsert:"touch"`
}

const notes = "CREATE TABLE notes (no BIGINT AUTO_INCREMENT PRIMARY KEY, code VARCHAR(40) NOT NULL UNIQUE, name VARCHAR(40) NOT NULL, updated_at DATETIME(6) NOT NULL)"

var (
	monday  = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	tuesday = monday.AddDate(0, 0, 1)
)

// setting is a form of statement and a way the driver can be set up.
type setting struct {
	dialect dialect.Dialect
	params  string
}

// each runs f with every form of MySQL's statement and every setting of the driver that changes what it says.
func each(t *testing.T, schema string, f func(t *testing.T, s setting, db *sql.DB)) {
	t.Helper()
	aliased, err := dialect.FromVersion("8.0.36")
	if err != nil {
		t.Fatal(err)
	}
	for form, d := range map[string]dialect.Dialect{"VALUES()": dialect.MySQL, "row alias": aliased} {
		for name, params := range map[string]string{"default": "", "clientFoundRows": "&clientFoundRows=true", "interpolateParams": "&interpolateParams=true"} {
			t.Run(form+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := setting{dialect: d, params: "parseTime=true" + params}
				f(t, s, open(t, serve(t, schema), s.params))
			})
		}
	}
}

func table[T any](t *testing.T, s setting, name string, opts ...upsert.Option) *upsert.Table[T] {
	t.Helper()
	table, err := upsert.New[T](s.dialect, name, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// stored returns the values of a query's only column, each as text.
func stored(t *testing.T, db *sql.DB, query string) (values []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var v sql.NullString
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		if !v.Valid {
			v.String = "NULL"
		}
		values = append(values, v.String)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return values
}
