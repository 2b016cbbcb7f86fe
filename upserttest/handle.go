package upserttest

import (
	"database/sql"
	"fmt"
	"reflect"
)

var poolType = reflect.TypeFor[*sql.DB]()

// poolIn returns the *sql.DB of a handle: the handle itself, or the one that it embeds at any depth. In this way a *sqlx.DB is
// understood without importing sqlx.
func poolIn(handle any) (*sql.DB, error) {
	if db, ok := handle.(*sql.DB); ok && db != nil {
		return db, nil
	}
	if field := poolField(reflect.ValueOf(handle)); field.IsValid() && !field.IsNil() {
		return field.Interface().(*sql.DB), nil
	}
	return nil, fmt.Errorf("open returned a %T: want a *sql.DB, or a struct that embeds one, as *sqlx.DB does", handle)
}

// poolField returns the embedded field of type *sql.DB, or the zero Value.
func poolField(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return reflect.Value{}
		}
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		switch {
		case !f.Anonymous || !f.IsExported():
		case f.Type == poolType:
			return v.Field(i)
		default:
			if found := poolField(v.Field(i)); found.IsValid() {
				return found
			}
		}
	}
	return reflect.Value{}
}

// withPool returns a copy of the handle whose *sql.DB is another one. Everything else is shared with the handle.
func withPool(handle any, db *sql.DB) any {
	if _, ok := handle.(*sql.DB); ok {
		return db
	}
	return copyWith(reflect.ValueOf(handle), db).Interface()
}

// copyWith copies the pointers and structs on the way to the *sql.DB.
func copyWith(v reflect.Value, db *sql.DB) reflect.Value {
	switch v.Kind() {
	case reflect.Interface:
		return copyWith(v.Elem(), db)
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		p.Elem().Set(copyWith(v.Elem(), db))
		return p
	}
	s := reflect.New(v.Type()).Elem()
	s.Set(v)
	for i := range s.NumField() {
		f := s.Type().Field(i)
		switch {
		case !f.Anonymous || !f.IsExported():
		case f.Type == poolType:
			s.Field(i).Set(reflect.ValueOf(db))
			return s
		case poolField(v.Field(i)).IsValid():
			s.Field(i).Set(copyWith(v.Field(i), db))
			return s
		}
	}
	return s
}
