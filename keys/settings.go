package keys

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/claimsql"
)

// setting is a session setting under which this package would not keep its promises. Open refuses a pool whose sessions have
// the setting; asking one session is enough, because a setting comes from the DSN or the server and every session of the pool
// has it.
type setting struct {
	query   string              // returns the setting's value
	refuses func(v string) bool // whether the value is refused
	because string              // what goes wrong
	instead string              // what to do
}

func isOneOf(values ...string) func(string) bool {
	return func(v string) bool {
		for _, refused := range values {
			if strings.EqualFold(v, refused) {
				return true
			}
		}
		return false
	}
}

func contains(word string) func(string) bool {
	return func(v string) bool { return strings.Contains(strings.ToUpper(v), word) }
}

// settings returns the refused settings of the database (hazard K46).
func (s *Store) settings() []setting {
	switch {
	case s.isMySQL():
		return []setting{
			{"SELECT @@autocommit + 0", isOneOf("0"), "with autocommit=0 a connection of the pool keeps the locks of a single statement", "set autocommit=1 in the DSN"},
			{"SELECT @@completion_type", isOneOf("CHAIN", "RELEASE", "1", "2"), "completion_type makes a COMMIT begin another transaction or close the connection", "set completion_type=NO_CHAIN"},
			{"SELECT @@sql_safe_updates + 0", func(v string) bool { return v == "1" && !s.sql.WorksWithSafeUpdates() }, "sql_safe_updates refuses the statements of GC", "set sql_safe_updates=0"},
			{"SELECT @@sql_mode", contains("SIMULTANEOUS_ASSIGNMENT"), "SIMULTANEOUS_ASSIGNMENT in sql_mode makes an UPDATE count attempts wrongly", "remove it from sql_mode (sql_mode=ORACLE sets it)"},
			{"SELECT @@sql_mode", contains("EMPTY_STRING_IS_NULL"), "EMPTY_STRING_IS_NULL in sql_mode stores an empty string as NULL", "remove it from sql_mode"},
		}
	case s.dialect.Traits().Immediate:
		return []setting{
			{"PRAGMA encoding", func(v string) bool { return !strings.EqualFold(v, "UTF-8") }, "in an encoding other than UTF-8 the bytes of a text change", "create the database with PRAGMA encoding = 'UTF-8'"},
			{"PRAGMA read_uncommitted", isOneOf("1"), "read_uncommitted would replay a result that is not committed", "turn it off, or use no shared cache"},
		}
	}
	return nil
}

// checkSettings returns an error for the first setting that this package cannot work under.
func (s *Store) checkSettings(ctx context.Context, db upsert.DB) error {
	values := map[string]string{}
	for _, set := range s.settings() {
		v, asked := values[set.query]
		if !asked {
			if _, err := queryRow(ctx, db, claimsql.Statement{Text: set.query}, &v); err != nil {
				return fmt.Errorf("keys: Open: %w", err)
			}
			values[set.query] = v
		}
		if set.refuses(v) {
			return fmt.Errorf("keys: Open: %s: %s", set.because, set.instead)
		}
	}
	return nil
}

// shortestBusyTimeout is how long Run waits for SQLite's lock if the pool's connections do not wait at all.
const shortestBusyTimeout = 5 * time.Second

// usualPacket is the greatest length of a statement to a database that sets no limit itself.
const usualPacket = 16 << 20

// statementRest is more than the length of a statement without its greatest value.
const statementRest = 64 << 10

// maxStored is the greatest result of at most limit bytes that is stored. The server must accept its statement, in which the
// result is hexadecimal digits.
func (s *Store) maxStored(limit int) int {
	if !s.isMySQL() {
		return limit
	}
	return min(limit, max(s.server.packet-statementRest, 0)/2)
}

// maxStoredPayload is the greatest payload that is stored with a failed attempt. The text of the attempt's error may be six
// times as long in JSON.
func (s *Store) maxStoredPayload() int {
	if !s.isMySQL() {
		return s.config.maxResult
	}
	return min(s.config.maxResult, max((s.server.packet-statementRest)/2-6*maxErrorText, 0)/4*3) // in base64
}

// learn asks the database for the settings that this package needs to know.
func (s *Store) learn(ctx context.Context, db upsert.DB) error {
	var value string
	s.server.packet = usualPacket
	switch {
	case s.isMySQL():
		_, err := queryRow(ctx, db, claimsql.Statement{Text: "SELECT CONCAT(@@innodb_rollback_on_timeout + 0, ' ', @@log_bin + 0, @@binlog_format, ' ', @@max_allowed_packet)"}, &value)
		if err != nil {
			return err
		}
		// After a statement has waited too long, the server undoes the statement or the transaction, depending on how the
		// server was started.
		var loses int
		var log string
		_, err = fmt.Sscan(value, &loses, &log, &s.server.packet)
		s.server.timeoutLoses, s.server.logsStatements = loses == 1, log == "1STATEMENT"
		return err
	case s.dialect.Traits().Immediate:
		_, err := queryRow(ctx, db, claimsql.Statement{Text: "PRAGMA busy_timeout"}, &value)
		ms, _ := strconv.Atoi(value)
		if s.server.busyTimeout = time.Duration(ms) * time.Millisecond; ms <= 0 {
			s.server.busyTimeout = shortestBusyTimeout
		}
		return err
	}
	_, err := queryRow(ctx, db, claimsql.Statement{Text: "SELECT pg_catalog.current_setting('server_encoding')"}, &value)
	s.server.asciiOnly = value != "UTF8"
	return err
}
