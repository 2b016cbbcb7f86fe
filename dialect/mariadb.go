package dialect

// MariaDB is MariaDB from 10.5 on (INSERT … RETURNING). No version has a row alias.
var MariaDB Dialect = newMariaDB("")

func newMariaDB(version string) mysql {
	return mysql{
		name: "mariadb", version: version, returning: true, reporting: ReportCode,
		copying: CopyLoadData, engine: " ENGINE=Aria TRANSACTIONAL=0",
		compact: true,
	}
}
