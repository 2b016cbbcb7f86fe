package bulk_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/lab"
)

// The tests of this file check the documentation's statements about rows that a batch on PostgreSQL leaves out, and about
// the settings of a staged batch.

// TestBulkLeavesOutMoreThanTheWrite checks that a row that is left out neither uses a sequence value nor meets a CHECK.
func TestBulkLeavesOutMoreThanTheWrite(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	bulkEach(t, lab.Postgres, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (id serial, k int PRIMARY KEY, v int)")
		table, rows := bulkTable[thing](b, "things"), []thing{{1, 1}, {2, 2}, {3, 3}}
		bulkPut(b, table, b.lab.DB, rows)
		b.lab.Exec("ALTER TABLE things ADD CHECK (v <> 2) NOT VALID")
		_, err := table.Put(b.lab.Context(), b.lab.DB, &rows[1])
		b.lab.WantCode("Put of a row that breaks a CHECK of later", err, "23514")
		before := b.lab.Text("SELECT last_value FROM things_id_seq")
		b.lab.Want("the batch again", bulkPut(b, table, b.lab.DB, rows), upsert.Result{Unchanged: 3})
		b.lab.Want("the sequence", b.lab.Text("SELECT last_value FROM things_id_seq"), before)
	})
}

// TestBulkUnderASnapshot checks that a row that is equal in the snapshot is left out, whatever other transactions have
// changed since.
func TestBulkUnderASnapshot(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	bulkEach(t, lab.Postgres, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k int PRIMARY KEY, v int)", "INSERT INTO things VALUES (1, 1), (2, 2)")
		table, tx := bulkTable[thing](b, "things"), b.lab.Begin(&sql.TxOptions{Isolation: sql.LevelRepeatableRead})
		b.lab.TextOn(tx, "SELECT * FROM things")
		b.lab.Exec("UPDATE things SET v = 9 WHERE k = 1")
		b.lab.Want("rows that are equal in the snapshot", bulkPut(b, table, tx, []thing{{1, 1}, {2, 2}}), upsert.Result{Unchanged: 2})
		_, err := table.PutAll(b.lab.Context(), tx, []thing{{1, 5}, {2, 2}})
		b.lab.WantCode("a row that is not", err, "40001")
	})
}

// TestBulkOthersMayTakeUnchangedRows checks that a batch does not lock unchanged rows, so that another transaction can
// change them first.
func TestBulkOthersMayTakeUnchangedRows(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	bulkEach(t, lab.Postgres, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k int PRIMARY KEY, v int)", "INSERT INTO things VALUES (1, 1), (2, 2), (3, 3)")
		table, tx, other := bulkTable[thing](b, "things"), b.lab.Begin(nil), b.lab.Session("SET lock_timeout = '50ms'")
		b.lab.Want("the batch", bulkPut(b, table, tx, []thing{{1, 1}, {2, 2}, {3, 4}}), upsert.Result{Updated: 1, Unchanged: 2})
		for _, free := range []string{"UPDATE things SET v = 9 WHERE k = 1", "DELETE FROM things WHERE k = 2"} {
			if _, err := other.ExecContext(b.lab.Context(), free); err != nil {
				b.lab.Errorf("%s: %v, want no wait", free, err)
			}
		}
		b.lab.Fails(other, "55P03", "DELETE FROM things WHERE k = 3")
		b.lab.Commit(tx)
		b.lab.Want("rows", b.lab.Text("SELECT * FROM things ORDER BY k"), "1|9 3|4")
		tx = b.lab.Begin(nil)
		b.lab.Want("one row", bulkPut(b, lab.Table[thing](b.lab, "things"), tx, []thing{{3, 4}}), upsert.Result{Unchanged: 1})
		b.lab.Fails(other, "55P03", "DELETE FROM things WHERE k = 3")
		_ = tx.Rollback()
	})
}

// TestBulkStageSetsMemory checks that a staged batch sets work_mem only for its own transaction.
func TestBulkStageSetsMemory(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		b := &bulkLab{l, upsert.Copy}
		b.lab.Exec("CREATE TABLE things (k int PRIMARY KEY, v int, memory text)",
			"CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.memory = current_setting('work_mem'); RETURN NEW; END$$",
			"CREATE TRIGGER note BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION note()")
		table, k := bulkTable[thing](b, "things"), 0
		for _, c := range []struct{ set, own, callers string }{{"4MB", "32MB", "4MB"}, {"64MB", "64MB", "64MB"}} {
			conn := b.lab.Session("SET work_mem = '" + c.set + "'")
			k += 2
			bulkPut(b, table, conn, []thing{{k, 1}, {k + 1, 1}})
			b.lab.Want("in a transaction of the library's", b.lab.Text(fmt.Sprintf("SELECT DISTINCT memory FROM things WHERE k >= %d", k)), c.own)
			b.lab.Want("after it", b.lab.TextOn(conn, "SHOW work_mem"), c.set)
			tx, err := conn.BeginTx(b.lab.Context(), nil)
			if err != nil {
				b.lab.Fatal(err)
			}
			k += 2
			bulkPut(b, table, tx, []thing{{k, 1}, {k + 1, 1}})
			b.lab.Want("tables left in it", strings.TrimSpace(b.lab.TextOn(tx, "SELECT COUNT(*) FROM pg_class WHERE relname LIKE E'\\\\_upsert%' AND relnamespace = pg_my_temp_schema()")), "0")
			if err := tx.Commit(); err != nil {
				b.lab.Fatal(err)
			}
			b.lab.Want("in a transaction of the caller's", b.lab.Text(fmt.Sprintf("SELECT DISTINCT memory FROM things WHERE k >= %d", k)), c.callers)
		}
	})
}
