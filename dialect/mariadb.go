package dialect

// MariaDB is MariaDB from 10.5 on (INSERT … RETURNING). No version has a row alias.
var MariaDB = newMariaDB("")

func newMariaDB(version string) Dialect {
	return mysql{
		name: "mariadb", version: version, returning: true, reporting: ReportCode,
		copying: CopyLoadData, engine: " ENGINE=Aria TRANSACTIONAL=0",
		compact: true,
	}
}
