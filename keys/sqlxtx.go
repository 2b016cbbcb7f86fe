package keys

import (
	"context"
	"database/sql"
	"reflect"

	"github.com/jmoiron/sqlx"
	"github.com/jmoiron/sqlx/reflectx"
)

// sqlxTxs makes sqlx transactions of database/sql's. sqlx chooses the placeholders of named queries by the name under which a
// driver is registered, and that can be any name; here the placeholders are the database's.
type sqlxTxs struct {
	bindType int
	like     sqlx.Tx // for its name, which sqlx knows
	mapper   *reflectx.Mapper
	unsafe   bool // columns without a field are left out
}

// sqlxNames are names by which sqlx knows the placeholders of the databases.
var sqlxNames = map[string]string{"postgres": "postgres", "sqlite": "sqlite3", "mariadb": "mysql", "mysql": "mysql"}

// nameTxs has the store's transactions named as sqlx knows the database. If the transaction that Open has used is not named so,
// another one is begun, because sqlx has no other way to make one with a name.
func (s *Store) nameTxs(ctx context.Context) error {
	name := sqlxNames[s.dialect.Name()]
	if s.txs.bindType = sqlx.BindType(name); s.txs.binds(s.txs.like.DriverName()) {
		return nil
	}
	tx, err := sqlx.NewDb(s.db, name).BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	s.rollback(ctx, tx.Tx)
	s.txs.like = *tx
	return nil
}

// binds reports whether sqlx writes the database's placeholders for a driver of that name. For a name that sqlx does not know it
// writes question marks.
func (x *sqlxTxs) binds(name string) bool {
	t := sqlx.BindType(name)
	return t == x.bindType || t == sqlx.UNKNOWN && x.bindType == sqlx.QUESTION
}

// extend makes an sqlx transaction with the settings of the store's pool.
func (x *sqlxTxs) extend(std *sql.Tx) *sqlx.Tx { return x.make(std, x.mapper, x.unsafe) }

// rename returns the caller's transaction if its placeholders are the database's, and else one that differs in them alone.
func (x *sqlxTxs) rename(tx *sqlx.Tx) *sqlx.Tx {
	if x.binds(tx.DriverName()) {
		return tx
	}
	return x.make(tx.Tx, tx.Mapper, isUnsafe(tx))
}

func (x *sqlxTxs) make(std *sql.Tx, mapper *reflectx.Mapper, unsafe bool) *sqlx.Tx {
	tx := x.like
	tx.Tx, tx.Mapper = std, mapper
	if unsafe {
		return tx.Unsafe()
	}
	return &tx
}

// isUnsafe reports whether a pool or a transaction of sqlx's was made by its Unsafe. sqlx has no method that tells.
func isUnsafe(handle any) bool {
	f := reflect.ValueOf(handle).Elem().FieldByName("unsafe")
	return f.IsValid() && f.Kind() == reflect.Bool && f.Bool()
}
