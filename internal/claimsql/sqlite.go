package claimsql

import (
	"fmt"
	"time"
)

var sqliteWords = words{
	dialect: "sqlite",
	clock: clock{
		now:       "strftime('%Y-%m-%d %H:%M:%f', 'now')",
		nowMillis: "CAST(strftime('%s', 'now') AS INTEGER) * 1000 + CAST(substr(strftime('%f', 'now'), 4) AS INTEGER)",
		never:     "'9999-12-31 00:00:00.000'",
		fromNow: func(d time.Duration) string {
			return fmt.Sprintf("strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', '%+d.%03d seconds')", d/time.Second, d%time.Second/time.Millisecond)
		},
		timestamp: func(utc string) string { return "'" + utc + "'" },
		asText:    func(c string) string { return c },
	},
	values: values{
		binds:        true, // the driver can keep the statement, and the text of ten thousand messages would be too long
		bytes:        literal{"x'", "'"},
		text:         literal{"CAST(x'", "' AS TEXT)"},
		compareBytes: func(c string) (string, string) { return c + " = ", " COLLATE BINARY" },
		readBytes:    func(c string) string { return c },
	},
	locks: locks{
		wait: func(limit time.Duration) Wait {
			if limit > 0 {
				limit = time.Duration(millis(limit)) * time.Millisecond
			}
			return Wait{
				Before: "PRAGMA busy_timeout",
				Set:    fmt.Sprintf("PRAGMA busy_timeout = %d", limit.Milliseconds()),
				After:  func(old string) string { return "PRAGMA busy_timeout = " + old },
			}
		},
	},
	functions: functions{
		least:     "min",
		substring: "substr",
		concat:    func(a, b string) string { return "CAST(" + a + " || " + b + " AS BLOB)" },
		position:  func(part, of string) string { return "instr(" + of + ", " + part + ")" },
	},
	rowStart: "(",
}
