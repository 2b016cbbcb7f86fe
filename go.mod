module github.com/goupsert/upsert

go 1.25.0

require (
	github.com/DATA-DOG/go-sqlmock v1.5.2
	github.com/dunglas/httpsfv v1.1.2
	github.com/go-sql-driver/mysql v1.10.1
	github.com/gowebpki/jcs v1.0.2
	github.com/jmoiron/sqlx v1.4.0
	github.com/lib/pq v1.12.3
	github.com/mattn/go-sqlite3 v1.14.53
)

require filippo.io/edwards25519 v1.2.0 // indirect
