package keys

import (
	"context"
	"database/sql"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
)

// catalog writes the queries that ask a database about its tables. The queries have no parameters: with some drivers parameters
// take two round trips, which a transaction pooler may send to two servers (hazard E2).
type catalog interface {
	// relation asks for the kind, the storage, and what else the database has to say. If there is no table, the query returns
	// no row.
	relation(t table) string
	// columns asks for name, type, collation, and whether a column can be NULL, gets a value by itself, and is computed.
	columns(t table) string
	// indexes asks for name, and whether the index is unique, primary and usable, with a row for each column. A row has the
	// column's position from 1 on, or 0 if the index only mentions the column.
	indexes(t table) string

	relationProblems(found foundRelation) []upsert.Problem
	fits(want kind, found foundColumn) fit

	// add, retype and renull return the statement that adds a column, changes its type, or changes whether the column can be
	// NULL.
	add(t table, c column, definition string) string
	retype(t table, c column, definition string) string
	renull(t table, c column, definition string) string
}

func catalogOf(d dialect.Dialect) (catalog, error) {
	switch d.Name() {
	case "sqlite":
		return sqliteCatalog{}, nil
	case "postgres":
		return postgresCatalog{}, nil
	case "mariadb", "mysql":
		return mysqlCatalog{}, nil
	}
	return nil, &dialect.UnsupportedError{Feature: "a table of keys", Dialect: d.Name(), Hint: "keys run on SQLite, PostgreSQL, MySQL and MariaDB"}
}

type (
	foundRelation struct {
		kind, storage, details string
	}
	foundColumn struct {
		name, typeName, collation  string
		null, hasDefault, computed bool
	}
	foundIndex struct {
		name                    string
		unique, primary, usable bool
		columns                 []string // in order; "" for an expression
		uses                    []string // mentioned in an expression or in a predicate
	}
	tableInfo struct {
		relation *foundRelation // nil if there is no such table
		columns  []foundColumn
		indexes  []foundIndex
	}
)

// isTable reports false for a view and the like, whose columns and indexes are not checked.
func (r foundRelation) isTable() bool { return !strings.Contains(strings.ToLower(r.kind), "view") }

func (c foundColumn) typeText() string {
	if c.collation != "" {
		return c.typeName + " in " + c.collation
	}
	return c.typeName
}

func survey(ctx context.Context, db dialect.Queryer, c catalog, t table) (s tableInfo, err error) {
	err = eachRow(ctx, db, c.relation(t), func(rows *sql.Rows) error {
		s.relation = &foundRelation{}
		return rows.Scan(&s.relation.kind, &s.relation.storage, &s.relation.details)
	})
	if err != nil || s.relation == nil {
		return s, err
	}
	err = eachRow(ctx, db, c.columns(t), func(rows *sql.Rows) error {
		var f foundColumn
		err := rows.Scan(&f.name, &f.typeName, &f.collation, &f.null, &f.hasDefault, &f.computed)
		s.columns = append(s.columns, f)
		return err
	})
	if err != nil {
		return s, err
	}
	return s, eachRow(ctx, db, c.indexes(t), s.addIndex)
}

// addIndex adds one row. The rows of an index follow each other, in the order of its columns.
func (s *tableInfo) addIndex(rows *sql.Rows) error {
	var x foundIndex
	var position int
	var column string
	if err := rows.Scan(&x.name, &x.unique, &x.primary, &x.usable, &position, &column); err != nil {
		return err
	}
	i := slices.IndexFunc(s.indexes, func(have foundIndex) bool { return have.name == x.name })
	if i < 0 {
		i = len(s.indexes)
		s.indexes = append(s.indexes, x)
	}
	at := &s.indexes[i]
	if position == 0 {
		at.uses = append(at.uses, column)
	} else {
		at.columns = append(at.columns, column)
	}
	return nil
}

// fit says how well a column's type fits.
type fit int

const (
	fitting         fit = iota
	tooNarrow           // of the right sort, and too small
	lacksCharacters     // text, in a character set that lacks characters
	wrongType
)

// atLeast returns fitting if have is enough, and otherwise tooNarrow.
func atLeast(have, want int) fit {
	if have < want {
		return tooNarrow
	}
	return fitting
}

var typeLength = regexp.MustCompile(`\((\d+)\)`)

// typeParts splits "varchar(64)" into "varchar" and 64. If the type has no length, length is -1.
func typeParts(typ string) (base string, length int) {
	length = -1
	if m := typeLength.FindStringSubmatch(typ); m != nil {
		length, _ = strconv.Atoi(m[1])
	}
	return typeLength.ReplaceAllString(typ, ""), length
}

// widthOf returns the width of a label or a word, in characters.
func widthOf(k kind) int {
	if k == label {
		return 1020
	}
	return 64
}

// bitsOf returns the bits of a kind of number.
func bitsOf(k kind) int { return map[kind]int{small: 16, medium: 32, large: 64}[k] }
