package claimsql_test

import (
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/claimsql"
)

// TestRetention: a key's end is its claim's time and the retention, by the database's clock and in the unit it has.
func TestRetention(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		retain                  time.Duration
		sqlite, postgres, mysql string
	}{
		{time.Millisecond, "'+0.001 seconds'", "'1000 microseconds'", "INTERVAL 1000 MICROSECOND"},
		{90*time.Second + 25*time.Millisecond, "'+90.025 seconds'", "'90025000 microseconds'", "INTERVAL 90025000 MICROSECOND"},
		{72 * time.Hour, "'+259200.000 seconds'", "'259200000000 microseconds'", "INTERVAL 259200000000 MICROSECOND"},
		{1<<63 - 1, "'+9223372036.854 seconds'", "'9223372036854775 microseconds'", "INTERVAL 9223372036854775 MICROSECOND"},
	} {
		for want, q := range map[string]*claimsql.SQL{c.sqlite: sqlite(t), c.postgres: of(t, postgres), c.mysql: of(t, mysql)} {
			if text := q.Claim(claimsql.Row{Retain: c.retain}, "").Text; strings.Count(text, want) != 1 {
				t.Errorf("%v: there is no %s in\n%s", c.retain, want, text)
			}
		}
	}
}

// lastMilli is the greatest time that a ULID of 2^48 milliseconds can name, in the year 10889.
const lastMilli = 1<<48 - 1

// TestKeyTime: a key that carries its own time is compared with the database's clock, and one that carries none with nothing.
func TestKeyTime(t *testing.T) {
	t.Parallel()
	for _, q := range []*claimsql.SQL{sqlite(t), of(t, postgres), of(t, mysql), of(t, mariadb)} {
		timed := claimsql.Row{Retain: time.Minute, KeyTime: 1767614400000}
		const compared = " BETWEEN 1767614340000 AND 1767614460000"
		for _, text := range []string{q.Claim(timed, "").Text, q.Age(timed).Text} {
			if strings.Count(text, compared) != 1 {
				t.Errorf("there is no %q in\n%s", compared, text)
			}
		}
		for ms, end := range map[int64]string{timed.KeyTime: "'2026-01-05 12:01:00.001", lastMilli: "'9999-12-31 00:00:00"} {
			if text := q.Claim(claimsql.Row{Retain: time.Minute, KeyTime: ms}, "").Text; strings.Count(text, end) != 1 {
				t.Errorf("a key of %d does not end at %s in\n%s", ms, end, text)
			}
		}
		if text := q.Claim(claimsql.Row{Retain: time.Minute}, "").Text; strings.Contains(text, "WHERE") || !strings.Contains(text, " VALUES (") {
			t.Errorf("a key without a time is claimed by\n%s", text)
		}
	}
}

// TestTimeIsTheDatabases: no statement has the time of its transaction, which stands still (hazard K8), or a session's own
// time zone.
func TestTimeIsTheDatabases(t *testing.T) {
	t.Parallel()
	for _, q := range []*claimsql.SQL{sqlite(t), of(t, postgres), of(t, mysql), of(t, mariadb)} {
		row := claimsql.Row{Retain: time.Minute, KeyTime: 1}
		for _, s := range []claimsql.Statement{
			q.Claim(row, ""), q.Record(row.Hash, row.Owner, claimsql.Done, nil, ""), q.Filter("c", row.Owner, 1, []claimsql.Mark{{ID: "a"}}),
			q.Fail("c", claimsql.Mark{ID: "a"}, claimsql.Failure{Most: 1}), q.Expired(1, nil), q.Age(row),
		} {
			lower := strings.ToLower(s.Text)
			for _, other := range []string{"current_timestamp", "localtime", "transaction_timestamp", " now(", "sysdate", "unix_timestamp"} {
				if strings.Contains(lower, other) {
					t.Errorf("it has %s\n%s", other, s.Text)
				}
			}
			if !strings.Contains(lower, "clock_timestamp()") && !strings.Contains(lower, "utc_timestamp(6)") && !strings.Contains(lower, "strftime(") {
				t.Errorf("it has no time\n%s", s.Text)
			}
		}
	}
}
