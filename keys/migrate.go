package keys

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing/fstest"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/backoff"
)

//go:embed migrations
var embedded embed.FS

// upMark and downMark separate the parts of a file, in goose's words.
const (
	upMark   = "-- +goose Up\n"
	downMark = "-- +goose Down\n"
)

// migrateTries is how often a migration is run that gets no lock, or loses its lock.
const migrateTries = 20

var errNoEffect = errors.New("its statements ran, but the catalog does not show what they create: another object may have the name")

// Migrations returns the migrations of the table as plain SQL in the format of pressly/goose, numbered, in one folder for each
// dialect: sqlite, postgres, mariadb, mysql. Use Migrations if you have a tool that runs all of your migrations;
// [Store.Migrate] runs the same texts.
//
// Only the option [Table] matters. If an option is wrong, or the name cannot be a table's in a dialect, opening a file returns
// the error; [Open] returns the same error.
func Migrations(opts ...Option) fs.FS {
	c, err := newConfig(opts)
	if err != nil {
		return migrations{failed: func(string) error { return err }}
	}
	all, refused := fstest.MapFS{}, map[string]error{} // a MapFS is a plain map, and does not import package testing
	for _, d := range []dialect.Dialect{dialect.SQLite, dialect.Postgres, dialect.MariaDB, dialect.MySQL} {
		t, err := newTable(d, c.table)
		if err != nil {
			refused[d.Name()] = err
			continue
		}
		for _, m := range t.migrations() {
			all[d.Name()+"/"+m.name] = &fstest.MapFile{Data: []byte(t.renamed(m.text)), Mode: 0o444}
		}
	}
	return migrations{files: all, failed: func(name string) error {
		folder, _, _ := strings.Cut(name, "/")
		return refused[folder]
	}}
}

// migrations is a file system that says why one of its files cannot be opened.
type migrations struct {
	files  fs.FS
	failed func(name string) error
}

func (m migrations) Open(name string) (fs.File, error) {
	if err := m.failed(name); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return m.files.Open(name)
}

// Schema returns the SQL that makes the table and its index, as [Store.Migrate] does, for people to read and to run.
//
// Only the option [Table] matters. If an option is wrong, if the name cannot be a table's in this dialect, or if this package
// does not support the dialect, Schema returns the error's text, which no database accepts as SQL. [Open] returns the same error.
func Schema(d dialect.Dialect, opts ...Option) string {
	c, err := newConfig(opts)
	if err != nil {
		return noSQL(err)
	}
	t, err := newTable(d, c.table)
	if err != nil {
		return noSQL(err)
	}
	var b strings.Builder
	for _, m := range t.migrations() {
		b.WriteString(t.renamed(m.up()))
	}
	return b.String()
}

// noSQL returns the error's text without semicolons, because the text after a semicolon could be taken for a statement.
func noSQL(err error) string { return strings.ReplaceAll(err.Error(), ";", ",") }

// migration is a file of migrations/, with the default names.
type migration struct{ name, text string }

func (t table) migrations() []migration {
	folder := "migrations/" + t.dialect.Name()
	files, err := embedded.ReadDir(folder)
	var all []migration
	for _, f := range files { // in the order of their names
		text, e := embedded.ReadFile(folder + "/" + f.Name())
		err = errors.Join(err, e)
		all = append(all, migration{name: f.Name(), text: string(text)})
	}
	if err != nil {
		panic(err) // the compiler put them there
	}
	return all
}

// up returns the file's part that makes something, unchanged.
func (m migration) up() string {
	_, text, _ := strings.Cut(m.text, upMark)
	text, _, _ = strings.Cut(text, downMark)
	return strings.TrimSpace(text) + "\n"
}

// statements returns the statements of up, for drivers that take one at a time and no semicolon.
func (m migration) statements() []string {
	parts := strings.Split(m.up(), ";\n")
	return parts[:len(parts)-1]
}

// migrate makes the table, or adds what is missing from the table, and changes nothing else. migrate looks up in the catalog
// what exists, so migrate can run at any time, in many processes at once, and beside a tool that keeps its own record.
func (t table) migrate(ctx context.Context, db *sql.DB) error {
	all := t.migrations()
	var failed error
	for done, tries := -1, 0; ; tries++ {
		f, err := t.inspect(ctx, db)
		switch {
		case err != nil:
			return err
		case len(f.problems) > 0 || f.migrated == len(all):
			return t.verify(f)
		case f.migrated > done:
			done, tries = f.migrated, 0
		case tries == migrateTries || !isTransient(failed):
			return fmt.Errorf("keys: table %s: migration %s: %w", t, all[done].name, failed)
		default:
			if err := backoff.Wait(ctx, tries); err != nil {
				return err
			}
		}
		// If two processes create the same thing at once, both can fail to find it, and one of them fails to make it (23505,
		// 42P07, 1061). So the error does not matter if the thing exists afterwards.
		failed = t.run(ctx, db, all[done])
	}
}

// isTransient reports whether the same statement may succeed the next time.
func isTransient(err error) bool {
	class := dialect.Classify(err)
	return class == dialect.Retryable || class == dialect.LockTimeout
}

func (t table) run(ctx context.Context, db *sql.DB, m migration) error {
	for _, statement := range m.statements() {
		if _, err := db.ExecContext(ctx, t.renamed(statement)); err != nil {
			return err
		}
	}
	return errNoEffect
}
