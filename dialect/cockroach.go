package dialect

// newCockroach is CockroachDB: PostgreSQL's statements, without xmax, so an update cannot be told from an insert. Its
// text follows the documentation and has not been run.
func newCockroach(version string) Dialect { return postgres{name: "cockroachdb", version: version} }

// newYugabyte is YugabyteDB's YSQL: PostgreSQL's statements; whether xmax tells an insert there is not known, so it is
// not asked. Its text follows the documentation and has not been run.
func newYugabyte(version string) Dialect {
	return postgres{name: "yugabytedb", version: version, bytes: true}
}
