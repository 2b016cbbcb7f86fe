package claimsql

import (
	"fmt"
	"time"
)

// mysqlWords are MySQL's and, but for how long a claim waits and what its rows of VALUES look like, MariaDB's. Times are in
// UTC whatever the session's time zone is.
var mysqlWords = words{
	dialect:   "mysql",
	now:       "UTC_TIMESTAMP(6)",
	nowMillis: "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000",
	never:     "TIMESTAMP '9999-12-31 00:00:00'",
	later: func(d time.Duration) string {
		return fmt.Sprintf("UTC_TIMESTAMP(6) + INTERVAL %d MICROSECOND", d.Microseconds())
	},
	shown:     func(c string) string { return "CAST(" + c + " AS CHAR)" },
	bytes:     literal{"x'", "'"},
	text:      literal{"_utf8mb4 x'", "'"},
	same:      func(c string) (string, string) { return "CAST(" + c + " AS BINARY) = CAST(", " AS BINARY)" },
	locking:   " LOCK IN SHARE MODE",
	duplicate: true,
	row:       "ROW(",
	twoStepGC: true,
	// SKIP LOCKED came with 8.0.1, and 8.0.19 is the least that is taken.
	skipLocked: true,
	wait: func(limit time.Duration) Wait {
		// MySQL counts in seconds, and one is the least.
		seconds := max((limit+time.Second-1)/time.Second, 1)
		return Wait{
			Before: "SELECT @@SESSION.innodb_lock_wait_timeout",
			Set:    fmt.Sprintf("SET SESSION innodb_lock_wait_timeout = %d", seconds),
			After:  func(old string) string { return "SET SESSION innodb_lock_wait_timeout = " + old },
		}
	},
}

// mariadbWait: MariaDB takes a setting for one statement, and 0 for not to wait.
func mariadbWait(limit time.Duration) Wait {
	if limit <= 0 {
		return Wait{Prefix: "SET STATEMENT innodb_lock_wait_timeout = 0 FOR "}
	}
	limit = max(limit, time.Microsecond) // 0 would be no limit
	return Wait{Prefix: fmt.Sprintf("SET STATEMENT max_statement_time = %d.%06d FOR ", limit/time.Second, limit%time.Second/time.Microsecond)}
}
