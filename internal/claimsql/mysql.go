package claimsql

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goupsert/upsert/dialect"
)

// familyWords are the words that MySQL and MariaDB share. Times are in UTC whatever the session's time zone is.
var familyWords = words{
	dialect: "mysql",
	clock: clock{
		now:       "UTC_TIMESTAMP(6)",
		nowMillis: "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000",
		never:     "TIMESTAMP '9999-12-31 00:00:00'",
		fromNow: func(d time.Duration) string {
			return fmt.Sprintf("UTC_TIMESTAMP(6) + INTERVAL %d MICROSECOND", d.Microseconds())
		},
		timestamp: func(utc string) string { return "TIMESTAMP '" + utc + "'" },
		asText:    func(c string) string { return "CAST(" + c + " AS CHAR)" },
	},
	values: values{
		bytes:        literal{"x'", "'"},
		text:         literal{"_utf8mb4 x'", "'"},
		compareBytes: func(c string) (string, string) { return "CAST(" + c + " AS BINARY) = CAST(", " AS BINARY)" },
		readBytes:    func(c string) string { return "CAST(" + c + " AS BINARY)" },
	},
	locks: locks{
		share: " LOCK IN SHARE MODE",
	},
	functions: functions{
		least:     "LEAST",
		substring: "SUBSTR",
		concat:    func(a, b string) string { return "CONCAT(" + a + ", " + b + ")" },
		position:  func(part, of string) string { return "LOCATE(" + part + ", " + of + ")" },
	},
	onDuplicateKey: true,
	twoStepGC:      true,
}

// brief is how long a SELECT waits for another transaction if the SELECT cannot skip a locked row. This is enough time to read
// a batch of GC from the disk, and the claims of this batch are held up no longer.
const brief = 20 * time.Millisecond

// mysqlWords returns MySQL's words. All that depends on MySQL's version is here. An unknown version counts as a new one.
func mysqlWords(d dialect.Dialect) words {
	supports := func(f dialect.Feature) bool { return d.Version() == "" || dialect.Supports(d, f) }
	w := familyWords
	w.locks.wait = mysqlWait
	if supports(dialect.FeatureIndexHint) && supports(dialect.FeatureValuesRow) {
		w.rowStart, w.deleteHint = "ROW(", true
	}
	if w.locks.skipLocked = supports(dialect.FeatureSkipLocked); w.locks.skipLocked {
		w.locks.look.lock = " FOR SHARE SKIP LOCKED"
		return w
	}
	// A SELECT that does not lock would see uncommitted rows if somebody has set READ UNCOMMITTED (hazard K43).
	w.locks.timeoutHint = fmt.Sprintf("/*+ MAX_EXECUTION_TIME(%d) */ ", brief.Milliseconds())
	w.locks.look = reading{hint: w.locks.timeoutHint, lock: w.locks.share}
	return w
}

// mariadbWords returns MariaDB's words. All that depends on MariaDB's version is here. An unknown version counts as an old one.
func mariadbWords(d dialect.Dialect) words {
	w := familyWords
	w.locks.wait, w.rowStart = mariadbWait, "("
	w.allowUpdate = "SET STATEMENT sql_safe_updates = 0 FOR "
	if w.locks.skipLocked = dialect.Supports(d, dialect.FeatureSkipLocked); w.locks.skipLocked {
		w.locks.look.lock = " LOCK IN SHARE MODE SKIP LOCKED"
	} else {
		w.locks.look.none = true
	}
	return w
}

// mysqlWait counts in seconds, as MySQL does, and the least is one second. A locked table has another setting than a locked
// row.
func mysqlWait(limit time.Duration) Wait {
	seconds := strconv.FormatInt(int64(max((limit+time.Second-1)/time.Second, 1)), 10)
	set := func(row, table string) string {
		return "SET SESSION innodb_lock_wait_timeout = " + row + ", SESSION lock_wait_timeout = " + table
	}
	return Wait{
		Before: "SELECT CONCAT(@@SESSION.innodb_lock_wait_timeout, x'2c', @@SESSION.lock_wait_timeout)",
		Set:    set(seconds, seconds),
		After: func(old string) string {
			row, table, _ := strings.Cut(old, ",")
			return set(row, table)
		},
	}
}

// mariadbWait uses a setting for one statement, which only MariaDB has. 0 means not to wait.
func mariadbWait(limit time.Duration) Wait {
	if limit <= 0 {
		return Wait{Prefix: "SET STATEMENT innodb_lock_wait_timeout = 0, lock_wait_timeout = 0 FOR "}
	}
	limit = max(limit, time.Microsecond) // 0 would be no limit
	return Wait{Prefix: fmt.Sprintf("SET STATEMENT max_statement_time = %d.%06d FOR ", limit/time.Second, limit%time.Second/time.Microsecond)}
}
