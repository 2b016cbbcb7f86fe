package bridges_test

import (
	"os"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/keys"
)

func TestMain(m *testing.M) { os.Exit(engine.Run(m)) }

// Device is what the library writes.
type Device struct {
	ID      string `db:"id" upsert:"key"`
	Name    string `db:"name"`
	Version int64  `db:"version" upsert:"version"`
}

const (
	devicesDDL = `CREATE TABLE devices (id VARCHAR(20) NOT NULL PRIMARY KEY, name VARCHAR(20) NOT NULL, version BIGINT NOT NULL)`
	notesDDL   = `CREATE TABLE notes (text VARCHAR(40) NOT NULL)`
)

// shop is a database with the tables of the tests: devices are the library's, notes the other library's.
type shop struct {
	*testing.T
	db      *sqlx.DB
	devices *upsert.Table[Device]
	keys    *keys.Store
}

func openShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{T: t, db: engine.Get("sqlite").Open(t)}
	s.db.MustExec(devicesDDL)
	s.db.MustExec(notesDDL)
	var err error
	if s.devices, err = upsert.New[Device](dialect.SQLite, "devices"); err != nil {
		t.Fatal(err)
	}
	if s.keys, err = keys.Open(t.Context(), s.db); err != nil {
		t.Fatal(err)
	}
	if err := s.keys.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// wants checks how many rows there are.
func (s *shop) wants(devices, notes int) {
	s.Helper()
	for table, want := range map[string]int{"devices": devices, "notes": notes} {
		var got int
		if err := s.db.Get(&got, "SELECT COUNT(*) FROM "+table); err != nil {
			s.Fatal(err)
		}
		if got != want {
			s.Errorf("%s has %d rows, want %d", table, got, want)
		}
	}
}

var welcome = keys.Key{Scope: "ada", Op: "bonus", ID: "welcome"}
