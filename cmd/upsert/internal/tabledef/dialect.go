package tabledef

import (
	"strings"

	"github.com/goupsert/upsert/cmd/upsert/internal/cli"
	"github.com/goupsert/upsert/dialect"
)

// DialectUsage explains -dialect.
const DialectUsage = "the `dialect`, for which no database is needed: sqlite, postgres, mysql or mariadb, and a version after a colon: mysql:5.7"

var dialectNames = []string{"sqlite", "postgres", "mysql", "mariadb"}

// Dialect returns the dialect of a -dialect.
func Dialect(text string) (dialect.Dialect, error) {
	name, version, versioned := strings.Cut(strings.ToLower(text), ":")
	switch {
	case name == "sqlite" && !versioned:
		return dialect.SQLite, nil
	case name == "postgres" && !versioned:
		return dialect.Postgres, nil
	case name == "mysql" && !versioned:
		return dialect.MySQL, nil
	case name == "mariadb" && !versioned:
		return dialect.MariaDB, nil
	}
	banner := map[string]string{"postgres": "PostgreSQL " + version, "mysql": version, "mariadb": version + "-MariaDB"}[name]
	switch {
	case name == "sqlite":
		return nil, cli.Usagef("-dialect %s: the statements for SQLite are the same in all versions: give sqlite", text)
	case banner == "":
		return nil, cli.Usagef("-dialect %s: there is no such dialect: %s", text, cli.Suggest(name, dialectNames))
	}
	d, err := dialect.FromVersion(banner)
	if err != nil {
		return nil, cli.Usagef("-dialect %s: %v", text, err)
	}
	return d, nil
}
