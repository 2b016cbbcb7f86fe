package engine

import "fmt"

// offer says in which runs this package starts a server. An engine is always available if its DSN variable is set. An engine that
// UPSERT_REQUIRE names is always started.
type offer int

const (
	offerAlways   offer = iota
	offerSuites         // in packages that ask for it with Also
	offerLong           // if UPSERT_LONG asks for long tests
	offerRequired       // only if UPSERT_REQUIRE names it
)

// listEngines returns the engines of All, in the same order.
func listEngines() []*Engine {
	return []*Engine{
		{
			name: "sqlite", dialect: "sqlite", family: sqliteFamily{},
		},
		{
			name: "postgres", dialect: "postgres", env: "UPSERT_POSTGRES_DSN",
			family: postgresFamily{below: 18}, starter: postgresStarter{below: 18}, like: "postgres18",
			hint: "install it (Debian: scripts/engines, or apt-get install postgresql)",
		},
		postgresOf(16, offerLong),
		postgresOf(17, offerLong),
		{
			name: "postgres18", dialect: "postgres", env: "UPSERT_POSTGRES18_DSN",
			family: postgresFamily{from: 18}, starter: postgresStarter{from: 18, installed: "postgres18"},
			hint: "install it (scripts/engines)",
		},
		{
			name: "mariadb", dialect: "mariadb", env: "UPSERT_MARIADB_DSN",
			family: mysqlFamily{mariadb: true}, starter: mariadbStarter{},
			hint: "install it (Debian: scripts/engines, or apt-get install mariadb-server)",
		},
		{
			name: "mysql57", dialect: "mysql", env: "UPSERT_MYSQL57_DSN",
			family: mysqlFamily{below: 8}, starter: mysql57Starter{}, offer: offerSuites, like: "mariadb",
			hint: "install it (scripts/engines, on amd64)",
		},
		{
			name: "mysql", dialect: "mysql", env: "UPSERT_MYSQL_DSN",
			family: mysqlFamily{from: 8}, starter: mysql8Starter{}, offer: offerRequired,
			hint: "install it (scripts/engines --mysql8, on amd64)",
		},
	}
}

func postgresOf(major int, o offer) *Engine {
	name := fmt.Sprintf("postgres%d", major)
	return &Engine{
		name: name, dialect: "postgres", env: fmt.Sprintf("UPSERT_POSTGRES%d_DSN", major),
		family: postgresFamily{from: major, below: major + 1}, offer: o, like: "postgres18",
		starter: postgresStarter{from: major, below: major + 1, installed: name},
		hint:    "install it (scripts/engines --long)",
	}
}

// poolerEngine returns PgBouncer, which runs in front of one of the other engines. One process writes its databases file, so test
// binaries cannot share a PgBouncer.
func poolerEngine() *Engine {
	return &Engine{
		name: "pgbouncer", dialect: "postgres", family: &pgbouncerFamily{}, starter: pgbouncerStarter{}, private: true,
		hint: "install it (Debian: scripts/engines, or apt-get install pgbouncer)",
	}
}

// withheld returns the reason why the engine's server is not started in this run, or "" if it may be started.
func (e *Engine) withheld() string {
	s := e.session
	if s.required[e.name] {
		return ""
	}
	switch {
	case e.offer == offerSuites && !s.also[e.name]:
		return fmt.Sprintf("it is started only by the packages that ask for it, above all those of the conformance suites; to start it here, name %s in %s", e.name, requireEnv)
	case e.offer == offerLong && !IsLong():
		return fmt.Sprintf("it is started only for long tests; set %s, or name %s in %s", longEnv, e.name, requireEnv)
	case e.offer == offerRequired:
		return fmt.Sprintf("it is started only if it is asked for; name %s in %s", e.name, requireEnv)
	}
	return ""
}
