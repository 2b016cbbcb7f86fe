package keys

import (
	"context"
	"database/sql"
	"reflect"

	"github.com/jmoiron/sqlx"
	"github.com/jmoiron/sqlx/reflectx"
)

// sqlxSettings are the settings of the sqlx transactions that a store makes. sqlx chooses the placeholders of named queries by
// the name under which a driver is registered, which can be any name. Here the name follows from the database.
type sqlxSettings struct {
	bindType int
	template sqlx.Tx          // gives its name, which sqlx knows, and sqlx's own Mapper
	mapper   *reflectx.Mapper // nil: sqlx's own
	unsafe   bool             // columns without a field are left out
}

// sqlxNames are names for which sqlx knows the placeholders of the databases.
var sqlxNames = map[string]string{"postgres": "postgres", "sqlite": "sqlite3", "mariadb": "mysql", "mysql": "mysql"}

// chooseName gives the store's transactions a name for which sqlx knows the database's placeholders. If Open's transaction has
// no such name, chooseName begins another transaction, because sqlx has no other way to make a transaction with a name.
func (s *Store) chooseName(ctx context.Context) error {
	name := sqlxNames[s.dialect.Name()]
	if s.txs.bindType = sqlx.BindType(name); s.txs.binds(s.txs.template.DriverName()) {
		return nil
	}
	tx, err := sqlx.NewDb(s.db, name).BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	s.rollback(ctx, tx.Tx)
	s.txs.template = *tx
	return nil
}

// binds reports whether sqlx writes the database's placeholders for a driver of that name. If sqlx does not know the name, it
// writes question marks.
func (x *sqlxSettings) binds(name string) bool {
	t := sqlx.BindType(name)
	return t == x.bindType || t == sqlx.UNKNOWN && x.bindType == sqlx.QUESTION
}

// extend makes an sqlx transaction with the settings of the store's pool.
func (x *sqlxSettings) extend(std *sql.Tx) *sqlx.Tx { return x.wrap(std, x.mapper, x.unsafe) }

// rename returns the caller's transaction if its placeholders are the database's, and otherwise a transaction that differs only
// in the placeholders. A transaction that sqlx has not made can lack a Mapper.
func (x *sqlxSettings) rename(tx *sqlx.Tx) *sqlx.Tx {
	if x.binds(tx.DriverName()) && tx.Mapper != nil {
		return tx
	}
	return x.wrap(tx.Tx, tx.Mapper, isUnsafe(tx))
}

func (x *sqlxSettings) wrap(std *sql.Tx, mapper *reflectx.Mapper, unsafe bool) *sqlx.Tx {
	tx := x.template
	tx.Tx = std
	if mapper != nil {
		tx.Mapper = mapper
	}
	if unsafe {
		return tx.Unsafe()
	}
	return &tx
}

// isUnsafe reports whether Unsafe has made a pool or a transaction of sqlx. sqlx has no method that reports it.
func isUnsafe(handle any) bool {
	f := reflect.ValueOf(handle).Elem().FieldByName("unsafe")
	return f.IsValid() && f.Kind() == reflect.Bool && f.Bool()
}
