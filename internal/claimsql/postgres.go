package claimsql

import (
	"fmt"
	"time"
)

// postgresWords uses clock_timestamp, because now() does not change within a transaction (hazard K8).
var postgresWords = words{
	dialect: "postgres",
	clock: clock{
		now:       "pg_catalog.clock_timestamp()",
		nowMillis: "extract(epoch FROM pg_catalog.clock_timestamp()) * 1000",
		never:     "timestamptz '9999-12-31 00:00:00+00'",
		fromNow: func(d time.Duration) string {
			return fmt.Sprintf("pg_catalog.clock_timestamp() + interval '%d microseconds'", d.Microseconds())
		},
		timestamp: func(utc string) string { return "timestamptz '" + utc + "+00'" },
		asText: func(c string) string {
			return "pg_catalog.to_char(" + c + " AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
		},
	},
	values: values{
		// decode reads the digits in the same way, whatever standard_conforming_strings and bytea_output say.
		bytes:        literal{"pg_catalog.decode('", "', 'hex')"},
		text:         literal{"pg_catalog.convert_from(pg_catalog.decode('", "', 'hex'), 'UTF8')"},
		numbered:     true,
		compareBytes: func(c string) (string, string) { return c + " = ", "" },
		readBytes:    func(c string) string { return c },
	},
	locks: locks{
		skipLocked: true,
		wait: func(limit time.Duration) Wait {
			// A lock_timeout of 0 means no limit, so the least is a millisecond. The setting is made for the transaction only.
			return Wait{
				Before: "SELECT pg_catalog.current_setting('lock_timeout')",
				Set:    fmt.Sprintf("SET LOCAL lock_timeout = '%dms'", millis(limit)),
				After: func(old string) string {
					return fmt.Sprintf("SELECT pg_catalog.set_config('lock_timeout', pg_catalog.convert_from(pg_catalog.decode('%x', 'hex'), 'UTF8'), true)", old)
				},
			}
		},
	},
	functions: functions{
		least:     "LEAST",
		substring: "pg_catalog.substr",
		concat:    func(a, b string) string { return a + " || " + b },
		position:  func(part, of string) string { return "position(" + part + " IN " + of + ")" },
	},
}
