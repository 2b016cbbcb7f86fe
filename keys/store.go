package keys

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/claimsql"
	"github.com/jmoiron/sqlx"
)

// Store is a table of keys in a database. A Store is safe for concurrent use; one Store for each pool is enough.
type Store struct {
	config   config
	db       *sql.DB
	txs      sqlxSettings
	dialect  dialect.Dialect
	server   server
	target   table
	identity string // names the server, the database and the table
	sql      *claimsql.SQL
	seen     seenCache
	turns    turns
	places   places
}

// server is what a store knows about the server's settings.
type server struct {
	asciiOnly bool // the database's encoding accepts only ASCII
	// timeoutLoses: a lock timeout ends the whole transaction (hazard K44).
	timeoutLoses bool
	// logsStatements: the binary log accepts no write at READ COMMITTED (hazard K46).
	logsStatements bool
	busyTimeout    time.Duration // how long SQLite waits for a lock
	packet         int           // how many bytes a statement may have
}

// Open returns the store of keys in db. Open asks the server which database it is, and looks at the table. The table, or its
// index on expires_at, may be missing, because [Store.Migrate] creates both. Without the table every other call fails with the
// database's error; without the index GC reads the whole table.
//
// db is a *sql.DB or a *sqlx.DB. With either, fn's [Tx] has sqlx's methods, and named queries use the placeholders of the
// database, whatever name the driver is registered under. The Mapper of a *sqlx.DB and its Unsafe setting hold in fn too.
//
// Open returns a [*SchemaError] that names all that is wrong with the table; a *dialect.UnsupportedError for a database that
// this package does not support; an error that names an option that does not fit; an error that names a setting of the session
// that this package cannot work under (hazard K46); and the server's error.
func Open[D *sql.DB | *sqlx.DB](ctx context.Context, db D, opts ...Option) (*Store, error) {
	switch pool := any(db).(type) {
	case *sql.DB:
		if pool != nil {
			return open(ctx, sqlx.NewDb(pool, ""), opts)
		}
	case *sqlx.DB:
		if pool != nil && pool.DB != nil {
			return open(ctx, pool, opts)
		}
	}
	return nil, fmt.Errorf("keys: Open: the %T is nil", db)
}

func open(ctx context.Context, pool *sqlx.DB, opts []Option) (*Store, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	s := &Store{config: c, db: pool.DB, txs: sqlxSettings{mapper: pool.Mapper, unsafe: isUnsafe(pool)}}
	if err := s.askServer(ctx, pool.DriverName()); err != nil {
		return nil, err
	}
	if err := s.chooseName(ctx); err != nil {
		return nil, fmt.Errorf("keys: Open: %w", err)
	}
	return s, nil
}

// askServer learns which database the server is, and checks its settings and the table. askServer uses a transaction, because
// behind a transaction pooler a statement could otherwise meet the arguments of another connection (hazard E2).
func (s *Store) askServer(ctx context.Context, driverName string) error {
	tx, err := sqlx.NewDb(s.db, driverName).BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("keys: Open: %w", err)
	}
	defer func() { s.rollback(ctx, tx.Tx) }()
	s.txs.template = *tx
	if s.dialect, err = dialect.Detect(ctx, tx); err != nil {
		return err
	}
	if s.target, err = newTable(s.dialect, s.config.table); err != nil {
		return err
	}
	if s.identity, err = s.locate(ctx, tx); err != nil {
		return fmt.Errorf("keys: Open: %w", err)
	}
	if s.sql, err = claimsql.New(s.dialect, s.target.ident); err != nil {
		return err
	}
	s.sql.Bind = preparesQueries(s.db)
	if err := s.checkSettings(ctx, tx); err != nil {
		return err
	}
	if err := s.learn(ctx, tx); err != nil {
		return fmt.Errorf("keys: Open: %w", err)
	}
	if err := s.target.check(ctx, tx); err != nil && !errors.Is(err, errNoTable) {
		return err
	}
	return nil
}

// locate names the table. Every store of the same table gets the same name.
func (s *Store) locate(ctx context.Context, db upsert.DB) (place string, err error) {
	query := "SELECT CONCAT(@@hostname, ' ', @@port, ' ', COALESCE(DATABASE(), ''))"
	switch s.dialect.Name() {
	case "sqlite":
		query = "SELECT COALESCE(NULLIF(file, ''), 'memory') FROM pragma_database_list WHERE name = 'main'"
	case "postgres":
		query = "SELECT COALESCE(pg_catalog.pg_postmaster_start_time()::text || pg_catalog.current_database() || COALESCE((SELECT c.relnamespace FROM pg_catalog.pg_class c WHERE c.oid = " +
			postgresOID(s.target) + "), pg_catalog.current_schema()::regnamespace::oid)::text, '')"
	}
	if _, err = queryRow(ctx, db, claimsql.Statement{Text: query}, &place); place == "memory" {
		place = fmt.Sprintf("%p", s.db) // each pool has its own database
	}
	return place + " " + s.target.String() + " ", err
}

// checkReady returns an error if s does not come from Open.
func (s *Store) checkReady() error {
	if s == nil || s.sql == nil {
		return errors.New("keys: the store is nil or zero: Open returns one")
	}
	return nil
}

// Migrate creates the table, or adds to an older table what is missing, as [Migrations] would. Any number of processes can run
// Migrate at once and at every start. Migrate returns a [*SchemaError] for a table that it cannot repair, and otherwise the
// server's error.
func (s *Store) Migrate(ctx context.Context) error {
	if err := s.checkReady(); err != nil {
		return err
	}
	return s.target.migrate(ctx, s.db)
}

// preparesQueries reports whether the driver is pgx. pgx prepares and caches each query text, so queries must have few texts,
// with parameters. If a wrapper hides pgx, queries are only slower.
func preparesQueries(db *sql.DB) bool {
	t := reflect.TypeOf(db.Driver())
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return strings.HasPrefix(t.PkgPath(), "github.com/jackc/pgx")
}

// seenCache remembers a few thousand of the keys that this process has seen: a repeated call usually comes to the same process,
// which can then answer the call by one read. seenCache is only a hint: if a key is forgotten, or taken for another key, the
// call costs one statement more.
type seenCache [4096]atomic.Uint64

func (c *seenCache) add(h hash) { c.slot(h).Store(tag(h)) }

func (c *seenCache) has(h hash) bool { return c.slot(h).Load() == tag(h) }

func (c *seenCache) slot(h hash) *atomic.Uint64 { return &c[(int(h[0])<<8|int(h[1]))%len(c)] }

func tag(h hash) (t uint64) {
	for _, b := range h[2:10] {
		t = t<<8 | uint64(b)
	}
	return t | 1 // 0 marks an empty slot
}
