package keys_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

const (
	// loadPasses is the number of passes over the whole range of hashes. Each pass inserts in hash order, which is fast.
	// Several passes leave room on the index pages, as keys that arrive one by one do. A single pass would leave no room.
	loadPasses = 4
	loadBatch  = 100_000
)

// load fills a table with n finished keys, which the server generates. The hashes are distributed evenly. The keys expire
// between 1 and 72 hours from now, or expired as long ago.
func (p *benchPlace) load(b *testing.B, table string, n int, expired bool) {
	b.Helper()
	p.makeRoom(b, n)
	start, sign := time.Now(), 1
	if expired {
		sign = -1
	}
	part := (n + loadPasses - 1) / loadPasses
	for pass := range loadPasses {
		for from := 0; from < part; from += loadBatch {
			p.exec(p.loadStatement(table, pass, part, from, min(from+loadBatch, part), sign))
		}
	}
	switch p.dialect.Name() {
	case "postgres":
		p.exec("VACUUM ANALYZE " + table)
	case "sqlite":
		p.exec("PRAGMA wal_checkpoint(TRUNCATE)")
	default:
		p.exec("ANALYZE TABLE " + table)
	}
	b.Logf("%s: %d keys made in %v", table, part*loadPasses, time.Since(start).Round(time.Second))
}

const loadColumns = " (key_hash, scope, op, id, state, fingerprint_version, fingerprint, result, codec, attempts, fence, owner, lease_until, claimed_at, finished_at, expires_at) "

const loadResult = `{"account":123,"amount":10,"status":"accepted"}`

// loadStatement inserts the rows from one number to another in a pass. The first six bytes of a hash are its position in the
// range of hashes.
func (p *benchPlace) loadStatement(table string, pass, part, from, to, sign int) string {
	prefix := func(random string) string {
		return fmt.Sprintf("(i + (%d + %s) / %d.0) / %d.0 * 281474976710655", pass, random, loadPasses, part)
	}
	seconds := fmt.Sprintf("%d * (3600 + (i + %d.0) / %d.0 * 255600)", sign, pass*part, loadPasses*part)
	into := "INSERT INTO " + table + loadColumns
	const fixed = "2, 1, %s, %s, 'json', 1, 1, %s, %s, %s, %s, %s"
	switch p.dialect.Name() {
	case "postgres":
		return into + "SELECT decode(lpad(to_hex((" + prefix("random()") + ")::bigint), 12, '0'), 'hex') || substring(r FROM 1 FOR 26), " +
			"'tenant-17', 'payments.create', substr(encode(r, 'hex'), 1, 36), " +
			fmt.Sprintf(fixed, "sha256(r)", "convert_to('"+loadResult+"', 'UTF8')", "substring(r FROM 5 FOR 16)", "now()", "now()", "now()", "now() + "+seconds+" * interval '1 second'") +
			fmt.Sprintf(" FROM (SELECT i, sha256(convert_to('%s-%d-' || i, 'UTF8')) AS r FROM generate_series(%d, %d) AS i) AS s", table, pass, from, to-1)
	case "sqlite":
		now := "strftime('%Y-%m-%d %H:%M:%f', 'now')"
		return into + fmt.Sprintf("WITH RECURSIVE s (i) AS (VALUES (%d) UNION ALL SELECT i + 1 FROM s WHERE i < %d) ", from, to-1) +
			"SELECT unhex(printf('%012x', CAST(" + prefix("abs(random() % 1000) / 1000.0") + " AS INTEGER)) || hex(randomblob(26))), " +
			"'tenant-17', 'payments.create', lower(hex(randomblob(18))), " +
			fmt.Sprintf(fixed, "randomblob(32)", "CAST('"+loadResult+"' AS BLOB)", "randomblob(16)", now, now, now,
				"strftime('%Y-%m-%d %H:%M:%f', 'now', ("+seconds+") || ' seconds')") + " FROM s"
	}
	digits := "WITH d AS (SELECT 0 AS n" + strings.Join([]string{"", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, " UNION ALL SELECT ") + ")"
	numbers := fmt.Sprintf("SELECT %d + a.n + 10 * b.n + 100 * c.n + 1000 * e.n + 10000 * f.n AS i FROM d AS a, d AS b, d AS c, d AS e, d AS f", from)
	return into + digits + " SELECT CONCAT(UNHEX(LPAD(HEX(CAST(FLOOR(" + prefix("RAND()") + ") AS UNSIGNED)), 12, '0')), RANDOM_BYTES(26)), " +
		"'tenant-17', 'payments.create', SUBSTR(SHA2(CONCAT(i, RAND()), 256), 1, 36), " +
		fmt.Sprintf(fixed, "RANDOM_BYTES(32)", "'"+loadResult+"'", "RANDOM_BYTES(16)", "UTC_TIMESTAMP(6)", "UTC_TIMESTAMP(6)", "UTC_TIMESTAMP(6)", "UTC_TIMESTAMP(6) + INTERVAL "+seconds+" SECOND") +
		fmt.Sprintf(" FROM (%s) AS s WHERE i < %d ORDER BY i", numbers, to)
}

// makeRoom gives a MariaDB server that the tests have started enough memory for the table, because MariaDB bypasses the
// cache of the operating system. The other databases use this cache.
func (p *benchPlace) makeRoom(b *testing.B, n int) {
	b.Helper()
	if p.ns.Engine().Name() != "mariadb" || os.Getenv("UPSERT_MARIADB_DSN") != "" {
		return
	}
	var before int64
	if err := p.db.GetContext(b.Context(), &before, "SELECT @@GLOBAL.innodb_buffer_pool_size"); err != nil {
		b.Fatal(err)
	}
	if room := int64(n) * 640; room > before {
		p.exec(fmt.Sprintf("SET GLOBAL innodb_buffer_pool_size = %d", room))
	}
}
