package keys_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"
)

// The tests of this file check hazard K8 with a wrong clock of the database. To the library this looks the same as a wrong
// clock of its own machine.

// skew is the lead of the database's clock over the program's clock.
const skew = 10 * time.Minute

// ahead opens a pool whose database clock is ahead of this process by d.
func (l *hazardLab) ahead(d time.Duration) *sqlx.DB {
	l.lab.Helper()
	switch l.lab.Family() {
	case "postgres": // the function in the lab's schema returns the shifted time
		rewrite := func(text string) string {
			return strings.ReplaceAll(text, "pg_catalog.clock_timestamp()", "clock_timestamp()")
		}
		return faults.Rewriting(l.lab, l.lab.NS, rewrite, engine.Param("search_path", l.lab.NS.Name()+", pg_catalog"), engine.Param("skew.ahead", fmt.Sprintf("%d seconds", d/time.Second))).DB
	case "mysql":
		now := time.Now().Add(d)
		return l.lab.NS.DB(engine.Param("timestamp", fmt.Sprintf("%d.%06d", now.Unix(), now.Nanosecond()/1000)))
	}
	db := sql.OpenDB(liteClock{&sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		return c.RegisterFunc("strftime", func(format, _ string, later ...string) (string, error) {
			return strftime(time.Now().Add(d), format, later)
		}, false)
	}}, l.lab.NS.DSN()})
	l.lab.Cleanup(func() { db.Close() })
	return sqlx.NewDb(db, "sqlite3")
}

// skewable prepares the engine for a shifted clock.
func (l *hazardLab) skewable() {
	l.lab.Helper()
	if l.lab.Family() == "postgres" {
		l.lab.Exec("CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$SELECT pg_catalog.clock_timestamp() + current_setting('skew.ahead')::interval$$")
	}
}

// liteClock is a connector to SQLite with a replaced time function.
type liteClock struct {
	driver *sqlite3.SQLiteDriver
	dsn    string
}

func (c liteClock) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c liteClock) Driver() driver.Driver                        { return c.driver }

// strftime is the part of SQLite's strftime that the library uses.
func strftime(now time.Time, format string, later []string) (string, error) {
	for _, modifier := range later {
		seconds, err := strconv.ParseFloat(strings.TrimSuffix(modifier, " seconds"), 64)
		if err != nil {
			return "", err
		}
		now = now.Add(time.Duration(seconds * float64(time.Second)))
	}
	switch format {
	case "%s":
		return strconv.FormatInt(now.Unix(), 10), nil
	case "%f":
		return now.UTC().Format("05.000"), nil
	case "%Y-%m-%d %H:%M:%f":
		return now.UTC().Format("2006-01-02 15:04:05.000"), nil
	}
	return "", fmt.Errorf("strftime(%q) is not implemented", format)
}

// now returns the time of the database.
func (l *hazardLab) now(db *sqlx.DB) time.Time {
	l.lab.Helper()
	query := map[string]string{
		"sqlite":   "SELECT CAST(strftime('%s', 'now') AS INTEGER) * 1000",
		"postgres": "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
		"mysql":    "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000",
	}[l.lab.Family()]
	var ms int64
	if err := db.GetContext(l.lab.Context(), &ms, query); err != nil {
		l.lab.Fatalf("%s: %v", query, err)
	}
	return time.UnixMilli(ms)
}

func uuid7(at time.Time) string {
	hex := fmt.Sprintf("%012x", at.UnixMilli())
	return hex[:8] + "-" + hex[8:] + "-7000-8000-000000000000"
}

func ulid(at time.Time) string {
	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	id, ms := [10]byte{}, at.UnixMilli()
	for i := len(id) - 1; i >= 0; i-- {
		id[i], ms = digits[ms%32], ms/32
	}
	return string(id[:]) + strings.Repeat("0", 16)
}

// history returns the results of callers in different processes, while the time of the database advances.
func (l *hazardLab) history(ahead time.Duration) (h []string) {
	l.lab.Helper()
	const retention = 30 * time.Minute
	l.lab.Exec("DELETE FROM idempotency_keys")
	start := l.now(l.ahead(ahead))
	ids := map[string]string{
		"plain": "plain", "young": uuid7(start.Add(time.Minute - retention)), "old": uuid7(start.Add(-time.Minute - retention)),
		"young ulid": ulid(start.Add(time.Minute - retention)), "old ulid": ulid(start.Add(-time.Minute - retention)), "future": uuid7(start.Add(9 * time.Minute)),
	}
	for _, step := range []struct {
		passed time.Duration
		script string
	}{
		{0, "plain,plain,young,old,young ulid,old ulid,future,filter,fail,gc"},
		{29 * time.Minute, "plain,young,old,future,filter,fail,gc"},
		{31 * time.Minute, "plain,young,old,filter,fail,gc,plain,young,old ulid,future,filter,gc"},
	} {
		db := l.ahead(ahead + step.passed)
		for word := range strings.SplitSeq(step.script, ",") {
			got := ""
			switch s := l.open(db, keys.Retention(retention)); word {
			case "gc":
				got = fmt.Sprint(l.gc(s))
			case "fail":
				n, err := s.Fail(l.lab.Context(), "lab", "failing", nil)
				got = fmt.Sprint(n, err)
			case "filter":
				tx, err := db.BeginTxx(l.lab.Context(), nil)
				if err != nil {
					l.lab.Fatalf("BeginTxx: %v", err)
				}
				fresh, err := l.filter(s, tx, "m")
				got = fmt.Sprint(fresh, err)
				l.lab.Commit(tx)
			default:
				_, replayed, err := keys.Run(l.lab.Context(), s, hazardKey(ids[word]), keys.Fingerprint{}, effect("x"))
				if got = told("", replayed, err); errors.Is(err, keys.ErrTooOld) {
					got = "too old"
				}
			}
			h = append(h, word+": "+strings.TrimSpace(got))
		}
	}
	return h
}

func TestHazard_K8_ClocksOfTheMachinesDoNotMatter(t *testing.T) {
	t.Parallel()
	want := []string{
		"plain: ran", "plain: replayed", "young: ran", "old: too old", "young ulid: ran", "old ulid: too old", "future: ran", "filter: [m] <nil>", "fail: 1 <nil>", "gc: 0",
		"plain: replayed", "young: replayed", "old: too old", "future: replayed", "filter: [] <nil>", "fail: 2 <nil>", "gc: 0",
		"plain: replayed", "young: replayed", "old: too old", "filter: [] <nil>", "fail: 3 <nil>", "gc: 4",
		"plain: ran", "young: too old", "old ulid: too old", "future: replayed", "filter: [m] <nil>", "gc: 0",
	}
	hazards(t, lab.All, func(l *hazardLab) {
		l.skewable()
		expired := ""
		for _, ahead := range []time.Duration{-skew, 0, skew} {
			db := l.ahead(ahead)
			if off := time.Until(l.now(db)) - ahead; off.Abs() > time.Minute/2 {
				l.lab.Fatalf("the database's clock is off by another %v; want it %v ahead", off, ahead)
			}
			lease := time.Now().Add(5 * time.Minute) // a program that takes a lease computes its end with its own clock
			expired += fmt.Sprint(lease.Before(l.now(db)), " ")
			l.wantHistory(ahead, want)
		}
		l.lab.Want("hazard: whether a lease of five minutes has ended at once", expired, "false false true ")
	})
}

// wantHistory wants the given history at a skew, and wants stored times that agree with the database's clock.
func (l *hazardLab) wantHistory(ahead time.Duration, want []string) {
	l.lab.Helper()
	if got := l.history(ahead); !slices.Equal(got, want) {
		l.lab.Errorf("the database's clock %v ahead:\ngot  %q\nwant %q", ahead, got, want)
	}
	db := l.ahead(ahead)
	s := l.open(db, keys.Retention(time.Hour))
	l.run(s, "last")
	info, err := s.Inspect(l.lab.Context(), hazardKey("last"))
	if err != nil {
		l.lab.Fatalf("Inspect: %v", err)
	}
	if off := info.ClaimedAt.Sub(l.now(db)).Abs(); off > time.Minute/2 {
		l.lab.Errorf("a key was claimed %v away from the database's time", off)
	}
	if kept := info.ExpiresAt.Sub(info.ClaimedAt); (kept - time.Hour).Abs() > time.Second {
		l.lab.Errorf("a key is kept for %v, want an hour", kept)
	}
}

func TestHazard_K45_KeyFromAhead(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		const retention = 30 * time.Minute
		at := l.now(l.lab.DB).Add(9 * time.Minute)
		l.lab.Want("hazard: whether the key is young when a claim of now is forgotten", l.now(l.lab.DB).Add(retention).Before(at.Add(retention)), true)

		s := l.open(l.lab.DB, keys.Retention(retention))
		l.lab.Want("Run", l.run(s, uuid7(at)), "ran "+uuid7(at))
		info, err := s.Inspect(l.lab.Context(), hazardKey(uuid7(at)))
		if err != nil {
			l.lab.Fatal(err)
		}
		l.lab.Want("whether the key is forgotten before it is old", info.ExpiresAt.Before(at.Truncate(time.Millisecond).Add(retention)), false)
		_, _, err = keys.Run(l.lab.Context(), s, hazardKey(uuid7(at.Add(time.Hour))), keys.Fingerprint{}, effect("b"))
		l.lab.WantErr("Run with a key from further ahead", err, keys.ErrTooNew)
		l.lab.Want("its effects", l.effects("b"), 0)
	})
}
