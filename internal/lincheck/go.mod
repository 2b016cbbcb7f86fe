module github.com/goupsert/upsert/internal/lincheck

go 1.26.0

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/goupsert/upsert v0.0.0
	github.com/jmoiron/sqlx v1.4.0
)

require (
	filippo.io/edwards25519 v1.2.0 // indirect
	github.com/go-sql-driver/mysql v1.10.1 // indirect
	github.com/gowebpki/jcs v1.0.2 // indirect
	github.com/lib/pq v1.12.3 // indirect
	github.com/mattn/go-sqlite3 v1.14.53 // indirect
)

replace github.com/goupsert/upsert => ../..
