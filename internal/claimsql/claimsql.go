// Package claimsql writes the statements of package keys, for each database. It opens no connection.
//
// Values are written into the text as hexadecimal literals rather than bound: what is sent is one round trip with every
// driver, where lib/pq and go-sql-driver/mysql need two for a statement with arguments, and no prepared statement is left
// for a transaction pooler to mix up (hazard E2). Hexadecimal digits need no quoting rules, whatever the key's bytes are.
// Only SQL.Bind makes parameters of them.
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

// Row is a key as it is claimed.
type Row struct {
	Hash               [HashSize]byte
	Owner              [OwnerSize]byte
	Scope, Op, ID      string // the readable copies
	FingerprintVersion uint8
	Fingerprint        []byte // nil: none
	Retain             time.Duration
	// KeyTime is the time that the key itself carries, in milliseconds since 1970; 0: none. A key whose time is further than
	// Retain from the database's is not claimed, and one that is claimed is kept for as long as its time is timely.
	KeyTime int64
}

// SQL writes the statements for one table.
type SQL struct {
	words
	table string // quoted
	name  string // quoted, without the schema
	// Bind makes parameters of the values of queries, for a driver that prepares every query it is given. Statements that
	// return nothing are sent as they are by all drivers.
	Bind bool
	// Returning: Claim and Filter return the row; else Fetch and Marked follow them.
	Returning bool
}

// New returns what writes for a table. It returns a *dialect.UnsupportedError for a database that package keys has not been
// made for.
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

// words are what databases say differently.
type words struct {
	dialect    string
	now        string // the time when the statement runs, not when its transaction began (hazard K8)
	nowMillis  string // the same in milliseconds since 1970
	never      string // a time that does not come
	later      func(d time.Duration) string
	at         func(utc string) string    // a time that is known, to the millisecond
	shown      func(column string) string // a time as text, in UTC
	bytes      literal
	text       literal
	numbered   bool                                       // parameters are $1, $2, … with a type, else ?
	same       func(column string) (before, after string) // a text, byte by byte
	locking    string                                     // what a SELECT ends in that must see the newest row (hazard K25)
	look       reading                                    // how Look reads
	skipLocked bool
	duplicate  bool   // ON DUPLICATE KEY UPDATE, else ON CONFLICT
	row        string // what a row of VALUES begins with in a SELECT's source; "" where VALUES cannot stand there
	hints      bool   // DELETE takes a hint as a comment; else no hint makes it use the key (hazard K39)
	anyUpdate  string // goes before a statement that sql_safe_updates refuses; "" if nothing helps or the dialect has no such setting
	briefly    string // a hint that a SELECT gives up soon; "" where it need not wait
	wait       func(limit time.Duration) Wait
	twoStepGC  bool
	least      string                       // the lesser of two numbers
	part       string                       // the function that returns a part of bytes
	join       func(a, b string) string     // bytes
	find       func(part, of string) string // the place of bytes in others, from 1; 0: none
}

// reading is a SELECT of one row outside of a transaction that sees committed rows only.
type reading struct {
	hint, lock string
	none       bool // the database has none
}

// once is an expression of time that a statement about many rows works out once: PostgreSQL's clock is volatile, so an index
// is of no use to what is compared with it, and SQLite formats it for each row.
func (w *words) once(expr string) string {
	if w.duplicate {
		return expr // the same in all of a statement
	}
	return "(SELECT " + expr + ")"
}

// literal is what stands around hexadecimal digits.
type literal struct{ before, after string }

// Wait bounds how long a claim may wait for another one.
type Wait struct {
	Before string                  // asks for the setting that it changes, and may change it already; "" for none
	Set    string                  // changes it
	Prefix string                  // goes before the claim itself
	After  func(old string) string // puts back what Before has returned
}

// LongestWait is one that every database takes: PostgreSQL and SQLite count milliseconds in 31 bits.
const LongestWait = 20 * 24 * time.Hour

// Wait says what bounds a claim's waiting; a limit of 0 is not to wait at all, and none is longer than 20 days.
func (s *SQL) Wait(limit time.Duration) Wait { return s.wait(min(limit, LongestWait)) }

func millis(d time.Duration) int64 { return max(int64((d+time.Millisecond-1)/time.Millisecond), 1) }

// Savepoint begins what RollbackTo can take back. The statements are the same on all of these databases. The name must be the
// claim's own: MySQL forgets an older savepoint of the same name.
func Savepoint(name string) string { return "SAVEPOINT " + name }

// Release ends a savepoint and keeps what came after it.
func Release(name string) string { return "RELEASE SAVEPOINT " + name }

// RollbackTo takes back what came after a savepoint, which stays.
func RollbackTo(name string) string { return "ROLLBACK TO SAVEPOINT " + name }

// SavepointName returns the savepoint's name of a claim.
func SavepointName(owner [OwnerSize]byte) string { return fmt.Sprintf("upsert_claim_%x", owner[:8]) }

// CountsInserts reports whether the number of rows that Claim affects tells an insert. On MySQL it depends on the driver's
// settings (hazard H14).
func (s *SQL) CountsInserts() bool { return !s.duplicate }
