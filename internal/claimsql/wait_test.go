package claimsql_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/claimsql"
)

// said is the number in the setting or the prefix that a limit makes, in the database's unit.
func said(t *testing.T, w claimsql.Wait) (n string) {
	t.Helper()
	if (w.Set == "") != (w.Before == "") || (w.Set == "") != (w.After == nil) || (w.Set == "") != (w.Prefix != "") {
		t.Fatalf("it is neither a setting that is put back nor a prefix: %+v", w)
	}
	_, n, ok := strings.Cut(w.Set+w.Prefix, " = ")
	if !ok {
		t.Fatalf("it sets nothing: %+v", w)
	}
	n, _, _ = strings.Cut(strings.TrimSuffix(n, " FOR "), ",")
	return n
}

// TestWaitRounding: a limit is never cut to less than was asked for, and never to a number that means something else: 0 is
// no limit at all to PostgreSQL's lock_timeout and to MariaDB's max_statement_time.
func TestWaitRounding(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limit                            time.Duration
		sqlite, postgres, mysql, mariadb string
	}{
		{0, "0", "'1ms'", "1", "0"},
		{time.Nanosecond, "1", "'1ms'", "1", "0.000001"},
		{time.Microsecond, "1", "'1ms'", "1", "0.000001"},
		{time.Millisecond, "1", "'1ms'", "1", "0.001000"},
		{time.Millisecond + 1000, "2", "'2ms'", "1", "0.001001"},
		{999 * time.Millisecond, "999", "'999ms'", "1", "0.999000"},
		{time.Second, "1000", "'1000ms'", "1", "1.000000"},
		{time.Second + time.Microsecond, "1001", "'1001ms'", "2", "1.000001"},
		{1500 * time.Millisecond, "1500", "'1500ms'", "2", "1.500000"},
		{time.Minute, "60000", "'60000ms'", "60", "60.000000"},
		{24 * time.Hour, "86400000", "'86400000ms'", "86400", "86400.000000"},
	} {
		for name, have := range map[string][2]string{
			"sqlite":   {said(t, sqlite(t).Wait(c.limit)), c.sqlite},
			"postgres": {said(t, of(t, postgres).Wait(c.limit)), c.postgres},
			"mysql":    {said(t, of(t, mysql).Wait(c.limit)), c.mysql},
			"mariadb":  {said(t, of(t, mariadb).Wait(c.limit)), c.mariadb},
		} {
			if have[0] != have[1] {
				t.Errorf("%v on %s is %s, want %s", c.limit, name, have[0], have[1])
			}
		}
	}
}

// TestWaitLongest: a limit beyond what a database takes is the longest that all of them take, and no error: 2147483647 ms
// on PostgreSQL and SQLite, 31536000 s on MariaDB.
func TestWaitLongest(t *testing.T) {
	t.Parallel()
	for _, q := range []*claimsql.SQL{sqlite(t), of(t, postgres), of(t, mysql), of(t, mariadb)} {
		longest, unit := said(t, q.Wait(1<<63-1)), time.Second
		if strings.HasSuffix(longest, "ms'") || strings.HasPrefix(q.Wait(1).Set, "PRAGMA") {
			unit = time.Millisecond
		}
		n, err := strconv.ParseFloat(strings.Trim(longest, "'ms"), 64)
		if err != nil {
			t.Fatal(err)
		}
		if ms := n * float64(unit/time.Millisecond); ms > 2147483647 || ms < 24*3600*1000 {
			t.Errorf("the longest limit is %s, which is %v ms", longest, ms)
		}
	}
}

// TestWaitNotAtAll: MariaDB can refuse to wait for a lock; a time for the whole statement would be another thing.
func TestWaitNotAtAll(t *testing.T) {
	t.Parallel()
	q := of(t, mariadb)
	if w := q.Wait(0); w.Prefix != "SET STATEMENT innodb_lock_wait_timeout = 0, lock_wait_timeout = 0 FOR " {
		t.Errorf("not to wait is %+v", w)
	}
	if w := q.Wait(time.Microsecond); !strings.HasPrefix(w.Prefix, "SET STATEMENT max_statement_time = ") {
		t.Errorf("to wait is %+v", w)
	}
}

// TestWaitPutsBack: After sets what Before has returned, byte by byte on PostgreSQL, whose setting is a text with a unit.
func TestWaitPutsBack(t *testing.T) {
	t.Parallel()
	for want, w := range map[string]claimsql.Wait{
		"PRAGMA busy_timeout = 5000": sqlite(t).Wait(1),
		"pg_catalog.convert_from(pg_catalog.decode('35303030', 'hex'), 'UTF8')": of(t, postgres).Wait(1),
	} {
		if have := w.After("5000"); !strings.Contains(have, want) {
			t.Errorf("it puts back\n%s\nwhich has no %s", have, want)
		}
	}
	if have := of(t, mysql).Wait(1).After("50,31536000"); have != "SET SESSION innodb_lock_wait_timeout = 50, SESSION lock_wait_timeout = 31536000" {
		t.Errorf("it puts back\n%s", have)
	}
	text := of(t, postgres).Wait(1).After("1min'; DROP TABLE t; --")
	if want := fmt.Sprintf("%x", "1min'; DROP TABLE t; --"); strings.Count(text, "'") != 8 || !strings.Contains(text, "'"+want+"'") {
		t.Errorf("a text that is no setting is put back by\n%s", text)
	}
}

// TestWaitLeavesNothingBehind: PostgreSQL's setting ends with the transaction, for behind a transaction pooler the next one
// is somebody else's (hazard E8).
func TestWaitLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	w := of(t, postgres).Wait(time.Second)
	if !strings.HasPrefix(w.Set, "SET LOCAL ") || !strings.HasSuffix(w.After("0"), ", true)") {
		t.Errorf("the setting outlives the transaction: %s, %s", w.Set, w.After("0"))
	}
}
