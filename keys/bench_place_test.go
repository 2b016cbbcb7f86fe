package keys_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

// benchPlace is a namespace with the tables of the effect and of the hand-written ways.
type benchPlace struct {
	testing.TB
	ns      *engine.Namespace
	db      *sqlx.DB
	store   *keys.Store
	dialect dialect.Dialect
	words   benchWords
	serial  int  // number of identities used so far
	oneTrip bool // the driver sends a statement together with its arguments
}

// benchWords are the statements and expressions of one database, as an engineer who knows this database would write them.
type benchWords struct {
	tables       []string
	update, note string // statements of the effect
	claim        string // statement on the hand-written unique table
	record       string
	read         string
	now, later   string
	param        func(n int) string
	nothing      string // end of an insert that leaves a stored row unchanged
}

func dollar(n int) string { return fmt.Sprintf("$%d", n) }

func numbered(n int) string { return fmt.Sprintf("?%d", n) }

func question(int) string { return "?" }

var postgresBench = benchWords{
	tables: []string{
		"CREATE TABLE balances (id bigint PRIMARY KEY, amount bigint NOT NULL) WITH (fillfactor = 50)",
		"CREATE TABLE ledger (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account bigint NOT NULL, amount bigint NOT NULL)",
		"CREATE TABLE processed (id text NOT NULL PRIMARY KEY, result bytea)",
		"CREATE TABLE processed_kept (id text NOT NULL PRIMARY KEY, result bytea, created_at timestamptz NOT NULL DEFAULT clock_timestamp())",
		"CREATE INDEX processed_kept_created_at ON processed_kept (created_at)",
		"CREATE TABLE processed_messages (id text NOT NULL PRIMARY KEY)",
		"INSERT INTO balances SELECT n, 0 FROM generate_series(0, 999) AS n",
	},
	update:  "UPDATE balances SET amount = amount + $1 WHERE id = $2",
	note:    "INSERT INTO ledger (account, amount) VALUES ($1, $2)",
	claim:   "INSERT INTO processed (id) VALUES ($1) ON CONFLICT (id) DO NOTHING",
	record:  "UPDATE processed SET result = $1 WHERE id = $2",
	read:    "SELECT result FROM processed WHERE id = $1",
	now:     "clock_timestamp()",
	later:   "clock_timestamp() + interval '72 hours'",
	param:   dollar,
	nothing: " ON CONFLICT (key_hash) DO NOTHING",
}

var sqliteBench = benchWords{
	tables: []string{
		"CREATE TABLE balances (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL)",
		"CREATE TABLE ledger (id INTEGER PRIMARY KEY, account INTEGER NOT NULL, amount INTEGER NOT NULL)",
		"CREATE TABLE processed (id TEXT NOT NULL PRIMARY KEY, result BLOB) WITHOUT ROWID",
		"CREATE TABLE processed_kept (id TEXT NOT NULL PRIMARY KEY, result BLOB, created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))) WITHOUT ROWID",
		"CREATE INDEX processed_kept_created_at ON processed_kept (created_at)",
		"CREATE TABLE processed_messages (id TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID",
		"INSERT INTO balances WITH RECURSIVE s (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < 999) SELECT n, 0 FROM s",
	},
	update:  "UPDATE balances SET amount = amount + ? WHERE id = ?",
	note:    "INSERT INTO ledger (account, amount) VALUES (?, ?)",
	claim:   "INSERT INTO processed (id) VALUES (?) ON CONFLICT (id) DO NOTHING",
	record:  "UPDATE processed SET result = ? WHERE id = ?",
	read:    "SELECT result FROM processed WHERE id = ?",
	now:     "strftime('%Y-%m-%d %H:%M:%f', 'now')",
	later:   "strftime('%Y-%m-%d %H:%M:%f', 'now', '+72 hours')",
	param:   numbered,
	nothing: " ON CONFLICT (key_hash) DO NOTHING",
}

// tenDigits lists the digits from 0 to 9 without recursion, which MySQL 5.7 lacks.
const tenDigits = "(SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)"

var mysqlBench = benchWords{
	tables: []string{
		"CREATE TABLE balances (id BIGINT PRIMARY KEY, amount BIGINT NOT NULL)",
		"CREATE TABLE ledger (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, account BIGINT NOT NULL, amount BIGINT NOT NULL)",
		"CREATE TABLE processed (id VARBINARY(255) NOT NULL PRIMARY KEY, result LONGBLOB)",
		"CREATE TABLE processed_kept (id VARBINARY(255) NOT NULL PRIMARY KEY, result LONGBLOB, created_at DATETIME(6) NOT NULL DEFAULT NOW(6))",
		"CREATE INDEX processed_kept_created_at ON processed_kept (created_at)",
		"CREATE TABLE processed_messages (id VARBINARY(255) NOT NULL PRIMARY KEY)",
		"INSERT INTO balances SELECT a.d + 10 * b.d + 100 * c.d, 0 FROM " + tenDigits + " a, " + tenDigits + " b, " + tenDigits + " c",
	},
	update:  "UPDATE balances SET amount = amount + ? WHERE id = ?",
	note:    "INSERT INTO ledger (account, amount) VALUES (?, ?)",
	claim:   "INSERT INTO processed (id) VALUES (?) ON DUPLICATE KEY UPDATE id = id",
	record:  "UPDATE processed SET result = ? WHERE id = ?",
	read:    "SELECT result FROM processed WHERE id = ?",
	now:     "UTC_TIMESTAMP(6)",
	later:   "UTC_TIMESTAMP(6) + INTERVAL 72 HOUR",
	param:   question,
	nothing: " ON DUPLICATE KEY UPDATE key_hash = key_hash",
}

// benchEngines are the engines for which hand-written statements exist.
var benchEngines = []string{"sqlite", "postgres", "postgres18", "mariadb"}

// benchEach runs fn on each engine.
func benchEach(b *testing.B, fn func(b *testing.B, p *benchPlace)) {
	b.Helper()
	for _, name := range benchEngines {
		b.Run(name, func(b *testing.B) { fn(b, newBenchPlace(b, engine.Get(name))) })
	}
}

// benchPlaces runs fn on each engine. If a setting of the driver saves a round trip for statements with arguments, fn runs
// again with this setting.
func benchPlaces(b *testing.B, fn func(b *testing.B, p *benchPlace)) {
	b.Helper()
	saves := map[string]engine.Option{
		"postgres": engine.Param("binary_parameters", "yes"),
		"mariadb":  engine.Param("interpolateParams", "true"),
	}
	for _, name := range benchEngines {
		e := engine.Get(name)
		b.Run(name, func(b *testing.B) { fn(b, newBenchPlace(b, e)) })
		if option, ok := saves[e.Dialect()]; ok {
			b.Run(name+"-one-trip", func(b *testing.B) {
				p := newBenchPlace(b, e, option)
				p.oneTrip = true
				fn(b, p)
			})
		}
	}
}

func newBenchPlace(t testing.TB, e *engine.Engine, opts ...engine.Option) *benchPlace {
	t.Helper()
	p := &benchPlace{TB: t, ns: e.Namespace(t)}
	if e.Dialect() == "sqlite" {
		opts = append(opts, engine.Param("_synchronous", "NORMAL"))
	}
	p.db = p.ns.DB(opts...)
	p.db.SetMaxIdleConns(100)
	switch e.Dialect() {
	case "sqlite":
		p.dialect, p.words = dialect.SQLite, sqliteBench
	case "postgres":
		p.dialect, p.words = dialect.Postgres, postgresBench
	default:
		p.dialect, p.words = dialect.MariaDB, mysqlBench
	}
	for _, ddl := range p.words.tables {
		p.exec(ddl)
	}
	p.store = p.newStore()
	return p
}

func (p *benchPlace) exec(query string, args ...any) {
	p.Helper()
	if _, err := p.db.ExecContext(p.Context(), query, args...); err != nil {
		p.Fatalf("%.200s: %v", query, err)
	}
}

// newStore returns a store that has not met any key, like the store of a new process.
func (p *benchPlace) newStore(opts ...keys.Option) *keys.Store {
	p.Helper()
	return newStore(p, p.db, opts...)
}

func newStore(t testing.TB, db *sqlx.DB, opts ...keys.Option) *keys.Store {
	t.Helper()
	s, err := keys.Open(t.Context(), db, opts...)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatalf("Migrate: %v", err)
	}
	return s
}

// fresh returns n unused identities, which look like the random UUIDs of clients.
func (p *benchPlace) fresh(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		p.serial++
		h := sha256.Sum256(fmt.Appendf(nil, "%d", p.serial))
		ids[i] = fmt.Sprintf("%x-%x-4%x-a%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])[:36]
	}
	return ids
}

// receipt is the result of the effect.
type receipt struct {
	Account int    `json:"account"`
	Amount  int    `json:"amount"`
	Status  string `json:"status"`
}

// pay is the effect: it adds to a balance and writes a row to the ledger.
func (p *benchPlace) pay(ctx context.Context, tx upsert.DB, id string) (receipt, error) {
	account := (int(id[0])*7 + int(id[1])*31 + int(id[2])*127) % 1000
	r := receipt{Account: account, Amount: 10, Status: "accepted"}
	if _, err := tx.ExecContext(ctx, p.words.update, r.Amount, r.Account); err != nil {
		return r, err
	}
	_, err := tx.ExecContext(ctx, p.words.note, r.Account, r.Amount)
	return r, err
}

func payment(id string) keys.Key { return keys.Key{Scope: "tenant-17", Op: "payments.create", ID: id} }
