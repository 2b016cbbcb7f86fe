// Package claimsql writes the statements of package keys, for each database. It opens no connection.
//
// On a server, values are written into the text as hexadecimal literals instead of being bound. Such a statement is one round
// trip with every driver, while lib/pq and go-sql-driver/mysql need two round trips for a statement with arguments. It also
// leaves no prepared statement that a transaction pooler could mix up (hazard E2). Hexadecimal digits need no quoting rules,
// whatever the key's bytes are. Only SQL.Bind turns values into parameters. On SQLite values are parameters.
package claimsql

import (
	"fmt"
	"time"

	"github.com/goupsert/upsert/dialect"
)

// HashSize and OwnerSize are the widths of the columns key_hash and owner.
const (
	HashSize  = 32
	OwnerSize = 16
)

// Statement is SQL with its arguments.
type Statement struct {
	Text string
	Args []any
}

// Row is a key at the time of its claim.
type Row struct {
	Hash               [HashSize]byte
	Owner              [OwnerSize]byte
	Scope, Op, ID      string // the readable copies
	FingerprintVersion uint8
	Fingerprint        []byte // nil: none
	Retain             time.Duration
	Lease              time.Duration // of a key of Do; 0: the key is claimed by a transaction
	// KeyTime is the time that the key itself carries, in milliseconds since 1970; 0: none. If this time is further than Retain
	// from the database's time, the key is not claimed. A claimed key is kept for as long as its time is timely.
	KeyTime int64
}

// State returns the state in which the row is inserted.
func (r *Row) State() int {
	if r.Lease > 0 {
		return Leased
	}
	return Claimed
}

// SQL writes the statements for one table.
type SQL struct {
	words words
	table string // quoted
	name  string // quoted, without the schema
	// Bind turns the values of queries into parameters, for a driver that prepares every query. All drivers send statements
	// that return nothing unprepared.
	Bind bool
	// Returning: Claim and Filter return the row; otherwise Fetch and Marked follow them.
	Returning bool
}

// New returns the SQL for a table. It returns a *dialect.UnsupportedError for a database that package keys does not support.
func New(d dialect.Dialect, t dialect.Table) (*SQL, error) {
	s := &SQL{table: d.QuoteTable(t), name: d.Quote(t.Name)}
	switch d.Name() {
	case "sqlite":
		s.words = sqliteWords
	case "postgres":
		s.words = postgresWords
	case "mariadb":
		s.words, s.Returning = mariadbWords(d), true
	case "mysql":
		s.words = mysqlWords(d)
	default:
		return nil, &dialect.UnsupportedError{Feature: "claims", Dialect: d.Name(), Hint: "keys run on SQLite, PostgreSQL, MySQL and MariaDB"}
	}
	return s, nil
}

// words are the texts that differ between databases.
type words struct {
	dialect        string
	clock          clock
	values         values
	locks          locks
	functions      functions
	onDuplicateKey bool   // ON DUPLICATE KEY UPDATE, otherwise ON CONFLICT
	rowStart       string // the beginning of a row of VALUES in a SELECT's source; "" if VALUES cannot be used there
	deleteHint     bool   // DELETE takes a hint as a comment; otherwise no hint makes it use the key (hazard K39)
	allowUpdate    string // goes before a statement that sql_safe_updates refuses; "" if nothing helps or there is no such setting
	twoStepGC      bool
}

// clock are the words for times.
type clock struct {
	now       string // the time when the statement runs, not when its transaction began (hazard K8)
	nowMillis string // the same time in milliseconds since 1970
	never     string // a time that never comes
	fromNow   func(d time.Duration) string
	timestamp func(utc string) string    // a known time, to the millisecond
	asText    func(column string) string // a time as text, in UTC
}

// values are the words for values of the caller.
type values struct {
	bytes        literal
	text         literal
	binds        bool                                       // values are always parameters
	numbered     bool                                       // parameters are $1, $2, … with a type, otherwise ?
	compareBytes func(column string) (before, after string) // compares a text byte by byte
	readBytes    func(column string) string                 // reads a text whatever the connection's character set is
}

// locks are the words for reading and waiting beside other transactions.
type locks struct {
	share       string  // the end of a SELECT that must see the newest row (hazard K25)
	look        reading // how Look reads
	skipLocked  bool
	timeoutHint string // a hint that makes a SELECT give up soon; "" if the SELECT need not wait
	wait        func(limit time.Duration) Wait
}

// functions are the database's names for what the reports of failed attempts need.
type functions struct {
	least     string                       // the lesser of two numbers
	substring string                       // the function that returns a part of bytes
	concat    func(a, b string) string     // joins bytes
	position  func(part, of string) string // the position of bytes in other bytes, from 1; 0: none
}

// reading is a SELECT of one row outside of a transaction. It sees committed rows only.
type reading struct {
	hint, lock string
	none       bool // the database has no such SELECT
}

// evaluatedOnce returns an expression of time that a statement about many rows evaluates only once. PostgreSQL's clock is
// volatile, so PostgreSQL would use no index for a comparison with the clock, and SQLite would format the clock for each
// row.
func (w *words) evaluatedOnce(expr string) string {
	if w.onDuplicateKey {
		return expr // the same in all of a statement
	}
	return "(SELECT " + expr + ")"
}

// literal is the text around hexadecimal digits.
type literal struct{ before, after string }

// Wait bounds how long a claim may wait for another claim.
type Wait struct {
	Before string                  // asks for the setting to change, and may change it already; "" for none
	Set    string                  // changes the setting
	Prefix string                  // goes before the claim itself
	After  func(old string) string // restores the value that Before has returned
}

// LongestWait is a limit that every database accepts: PostgreSQL and SQLite count milliseconds in 31 bits.
const LongestWait = 20 * 24 * time.Hour

// Wait returns the statements that bound a claim's waiting. A limit of 0 means not to wait at all, and a limit counts at most
// 20 days.
func (s *SQL) Wait(limit time.Duration) Wait { return s.words.locks.wait(min(limit, LongestWait)) }

func millis(d time.Duration) int64 { return max(int64((d+time.Millisecond-1)/time.Millisecond), 1) }

// Savepoint begins a part that RollbackTo can undo. The statements are the same on all of these databases. The name must be the
// claim's own, because MySQL forgets an older savepoint of the same name.
func Savepoint(name string) string { return "SAVEPOINT " + name }

// Release ends a savepoint and keeps the changes after the savepoint.
func Release(name string) string { return "RELEASE SAVEPOINT " + name }

// RollbackTo undoes the changes after a savepoint. The savepoint stays.
func RollbackTo(name string) string { return "ROLLBACK TO SAVEPOINT " + name }

// SavepointName returns the name of a claim's savepoint.
func SavepointName(owner [OwnerSize]byte) string { return fmt.Sprintf("upsert_claim_%x", owner[:8]) }

// CountsInserts reports whether the number of rows that Claim affects tells an insert. On MySQL this number depends on the
// driver's settings (hazard H14).
func (s *SQL) CountsInserts() bool { return !s.words.onDuplicateKey }
