package claimsql_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/claimsql"
)

var table = dialect.Table{Name: "idempotency_keys"}

// of returns what writes for the server with that version().
func of(t *testing.T, banner string) *claimsql.SQL {
	t.Helper()
	d, err := dialect.FromVersion(banner)
	if err != nil {
		t.Fatal(err)
	}
	q, err := claimsql.New(d, table)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// sqlite returns what writes for SQLite.
func sqlite(t *testing.T) *claimsql.SQL {
	t.Helper()
	q, err := claimsql.New(dialect.SQLite, table)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

const (
	postgres   = "PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu"
	mysql      = "8.0.36"
	mysql8     = "8.0.18"
	mysql57    = "5.7.29"
	mariadb    = "10.11.19-MariaDB"
	oldMariaDB = "10.5.27-MariaDB"
)

// TestNewRefuses: a database that keys have not been made for is named, with what to do about it.
func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for banner, want := range map[string]struct{ name, hint string }{
		"CockroachDB CCL v24.1.5 (x86_64-pc-linux-gnu, built 2024/09/18 17:11:58, go1.22.5)":              {"cockroachdb", "keys run on"},
		"PostgreSQL 11.2-YB-2.20.1.0-b0 on x86_64-pc-linux-gnu, compiled by clang version 16.0.6, 64-bit": {"yugabytedb", "keys run on"},
		"8.0.11-TiDB-v7.5.1": {"tidb", "keys run on"},
		"8.0.30-Vitess":      {"vitess", "keys run on"},
	} {
		d, err := dialect.FromVersion(banner)
		if err != nil {
			t.Fatal(err)
		}
		q, err := claimsql.New(d, table)
		var lacks *dialect.UnsupportedError
		if q != nil || !errors.As(err, &lacks) || lacks.Dialect != want.name || !strings.Contains(lacks.Hint, want.hint) {
			t.Errorf("%s: %v, %v, want an *UnsupportedError of %s whose hint has %q", banner, q, err, want.name, want.hint)
		}
	}
}

// TestNewTakes: servers that nobody asked are taken for new ones, but for a clause that MariaDB would refuse.
func TestNewTakes(t *testing.T) {
	t.Parallel()
	for _, d := range []dialect.Dialect{dialect.SQLite, dialect.Postgres, dialect.MySQL, dialect.MariaDB} {
		q, err := claimsql.New(d, table)
		if err != nil {
			t.Fatalf("%s: %v", d.Name(), err)
		}
		want := map[string]string{"sqlite": "LIMIT 10", "postgres": "SKIP LOCKED", "mysql": "SKIP LOCKED", "mariadb": "FOR UPDATE"}[d.Name()]
		if text := q.Expired(10, nil).Text; !strings.HasSuffix(text, want) {
			t.Errorf("%s, not asked: it ends in something else than %s\n%s", d.Name(), want, text)
		}
	}
}

// TestSkipLocked: SELECT … FOR UPDATE skips locked rows if the server's version can.
func TestSkipLocked(t *testing.T) {
	t.Parallel()
	for banner, want := range map[string]bool{
		"PostgreSQL 9.6.24 on x86_64": true, postgres: true,
		"8.0.1": true, "8.0.18": true, "8.0.19": true, "8.4.3": true, "9.1.0": true,
		oldMariaDB: false, "10.5.1-MariaDB": false, "10.6.0-MariaDB": true, mariadb: true, "5.5.5-10.6.12-MariaDB-log": true, "11.4.2-MariaDB": true,
	} {
		text := of(t, banner).Expired(10, nil).Text
		if !strings.Contains(text, " FOR UPDATE") || strings.HasSuffix(text, " SKIP LOCKED") != want {
			t.Errorf("%s: SKIP LOCKED is to be there: %v\n%s", banner, want, text)
		}
	}
}

// TestHowAnswersCome: which statements return rows, and whether the number of affected ones tells an insert.
func TestHowAnswersCome(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		q                          *claimsql.SQL
		returning, counts, filters bool
	}{
		{sqlite(t), false, true, true},
		{of(t, postgres), false, true, true},
		{of(t, mysql), false, false, false},
		{of(t, mysql8), false, false, false},
		{of(t, mysql57), false, false, false},
		{of(t, mariadb), true, false, true},
		{of(t, oldMariaDB), true, false, true},
	} {
		claim := c.q.Claim(claimsql.Row{Retain: 1}, "").Text
		filter := c.q.Filter("c", [claimsql.OwnerSize]byte{}, 1, []claimsql.Mark{{ID: "a"}}).Text
		if c.q.Returning != c.returning || strings.Contains(claim, " RETURNING ") != c.returning {
			t.Errorf("Returning is %v, want %v\n%s", c.q.Returning, c.returning, claim)
		}
		if c.q.FilterReturns() != c.filters || strings.Contains(filter, " RETURNING ") != c.filters {
			t.Errorf("FilterReturns is %v, want %v\n%s", c.q.FilterReturns(), c.filters, filter)
		}
		if c.q.CountsInserts() != c.counts || strings.Contains(claim, " ON CONFLICT ") != c.counts {
			t.Errorf("CountsInserts is %v, want %v\n%s", c.q.CountsInserts(), c.counts, claim)
		}
	}
}

// TestVersionsOfOneText: a statement depends on the server's version only in the ways that the tests above show, so the golden
// files have all statements.
func TestVersionsOfOneText(t *testing.T) {
	t.Parallel()
	row := claimsql.Row{Scope: "s", Op: "o", ID: "i", Retain: 1, KeyTime: 1}
	mark := []claimsql.Mark{{ID: "a"}}
	texts := func(q *claimsql.SQL) string {
		return strings.Join([]string{
			q.Claim(row, q.Wait(1).Prefix).Text, q.Wait(1).Set, q.Age(row).Text, q.Fetch(row.Hash).Text, q.Info(row.Hash).Text,
			q.Record(row.Hash, row.Owner, claimsql.Done, nil, "").Text, q.Filter("c", row.Owner, 1, mark).Text, q.Marked(row.Owner, mark).Text,
			q.Fail("c", mark[0], claimsql.Failure{Most: 2}).Text, q.Dead("c", 1).Text, q.Revive(mark).Text, q.Sweep(1).Text, q.Expired(1, mark).Text, q.Lock(mark).Text, q.Remove(mark).Text, q.Look(row.Hash).Text,
		}, "\n")
	}
	for banner, golden := range map[string]string{
		"PostgreSQL 9.6.24 on x86_64": postgres, "PostgreSQL 18.4 on x86_64": postgres,
		"8.0.20": mysql, "8.4.3-commercial": mysql, "9.1.0": mysql,
		"8.0.1-dmr": mysql8, "8.0.11": mysql8, "8.0.19": mysql8, "5.7.8-rc": mysql57, "5.7.44-log": mysql57, "8.0.0-dmr": mysql57,
		"10.6.0-MariaDB": mariadb, "11.8.2-MariaDB": mariadb, "10.5.1-MariaDB": oldMariaDB,
	} {
		if have, want := texts(of(t, banner)), texts(of(t, golden)); have != want {
			t.Errorf("%s has\n%s\nand %s has\n%s", banner, have, golden, want)
		}
	}
}

// TestWaitsForALock: MySQL before 8 cannot pass over a locked row, so GC looks for rows without a lock, leaves out those that
// it found locked, and locks the others with a statement that gives up soon. So does the look before a claim.
func TestWaitsForALock(t *testing.T) {
	t.Parallel()
	marks := []claimsql.Mark{{ID: "a"}}
	const hint = "/*+ MAX_EXECUTION_TIME(20) */"
	q := of(t, mysql57)
	expired, without, lock, look := q.Expired(10, nil).Text, q.Expired(10, marks).Text, q.Lock(marks).Text, q.Look(marks[0].Hash).Text
	if strings.Contains(expired+without, "FOR UPDATE") || strings.Contains(expired, "NOT IN") || !strings.Contains(without, " AND key_hash NOT IN (x'00") {
		t.Errorf("the rows are looked for with\n%s\nand with\n%s", expired, without)
	}
	for text, words := range map[string][]string{
		lock: {"SELECT " + hint + " key_hash FROM ", " FORCE INDEX (`PRIMARY`) ", "expires_at < ", "state IN (2, 3, 8)", " FOR UPDATE"},
		look: {"SELECT " + hint + " state, ", " LOCK IN SHARE MODE"},
	} {
		for _, w := range words {
			if !strings.Contains(text, w) {
				t.Errorf("it lacks %q\n%s", w, text)
			}
		}
	}
	for _, q := range []*claimsql.SQL{sqlite(t), of(t, postgres), of(t, mysql), of(t, mysql8), of(t, mariadb), of(t, oldMariaDB)} {
		if q.Lock(marks).Text != "" || strings.Contains(q.Expired(10, marks).Text, "NOT IN") || strings.Contains(q.Look(marks[0].Hash).Text, hint) {
			t.Errorf("it waits like MySQL 5.7\n%s\n%s\n%s", q.Lock(marks).Text, q.Expired(10, marks).Text, q.Look(marks[0].Hash).Text)
		}
	}
}

// TestRemoveByKey: the DELETE of GC names its rows one by one if no hint would make the DELETE use the key (hazard K39).
func TestRemoveByKey(t *testing.T) {
	t.Parallel()
	marks := make([]claimsql.Mark, 300)
	for banner, words := range map[string][]string{
		mysql:   {"DELETE /*+ INDEX(`idempotency_keys` `PRIMARY`) */ FROM ", " WHERE key_hash IN (x'00"},
		mysql8:  {"DELETE k FROM (SELECT a.d + 16 * b.d + 256 * c.d AS n FROM ", " STRAIGHT_JOIN ", " ON k.key_hash = SUBSTRING(x'00", " WHERE m.n < 300"},
		mysql57: {" STRAIGHT_JOIN "}, mariadb: {" STRAIGHT_JOIN "}, oldMariaDB: {" STRAIGHT_JOIN "},
		postgres: {"DELETE FROM \"idempotency_keys\" WHERE key_hash IN (pg_catalog.decode("},
	} {
		text := of(t, banner).Remove(marks).Text
		for _, w := range words {
			if !strings.Contains(text, w) {
				t.Errorf("%s: it lacks %q\n%.300s", banner, w, text)
			}
		}
	}
}

// TestNumbers: the table of numbers has as many digits as the list needs.
func TestNumbers(t *testing.T) {
	t.Parallel()
	for count, digits := range map[int]int{1: 1, 16: 1, 17: 2, 256: 2, 257: 3, 4096: 3, 4097: 4, 16000: 4} {
		text := of(t, mysql57).Remove(make([]claimsql.Mark, count)).Text
		if have := strings.Count(text, "SELECT 0 AS d"); have != digits {
			t.Errorf("%d rows have %d digits, want %d", count, have, digits)
		}
	}
}
