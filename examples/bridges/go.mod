module github.com/goupsert/upsert/examples/bridges

go 1.26.0

require (
	github.com/DATA-DOG/go-sqlmock v1.5.2
	github.com/goupsert/upsert v0.0.0
	github.com/goupsert/upsert/pgxcopy v0.0.0
	github.com/jackc/pgx/v5 v5.12.0
	github.com/jmoiron/sqlx v1.4.0
	gorm.io/driver/sqlite v1.6.0
	gorm.io/gorm v1.31.2
)

replace (
	github.com/goupsert/upsert => ../..
	github.com/goupsert/upsert/pgxcopy => ../../pgxcopy
)
