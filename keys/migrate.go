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

// What the files are cut at, in goose's words.
const (
	upMark   = "-- +goose Up\n"
	downMark = "-- +goose Down\n"
)

// migrateTries is how often a migration is run that gets no lock, or loses it.
const migrateTries = 20

var errNoEffect = errors.New("it ran and the catalog does not show what it makes: is its name taken by something else?")

// Migrations returns the migrations of the table as plain SQL in the format of pressly/goose, numbered, in one folder for
// each dialect: sqlite, postgres, mariadb, mysql. [Store.Migrate] runs the same texts; this is for those who have a tool
// that runs all of their migrations.
//
// Of the options only [Table] matters. Opening a file returns the error of an option, or of a name that cannot be a table's
// in that dialect; Open returns it too.
func Migrations(opts ...Option) fs.FS {
	c, err := newConfig(opts)
	if err != nil {
		return migrations{failed: func(string) error { return err }}
	}
	all, refused := fstest.MapFS{}, map[string]error{} // a MapFS is a plain map, and needs no package testing
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
	return migrations{FS: all, failed: func(name string) error {
		folder, _, _ := strings.Cut(name, "/")
		return refused[folder]
	}}
}

// migrations is a file system that says why a file of it is not to be had.
type migrations struct {
	fs.FS
	failed func(name string) error
}

func (m migrations) Open(name string) (fs.File, error) {
	if err := m.failed(name); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return m.FS.Open(name)
}

// Schema returns the SQL that makes the table and its index, as [Store.Migrate] does, for people to read and to run.
//
// Of the options only [Table] matters. Where an option is wrong, or the name cannot be a table's in this dialect, or the
// dialect is none that keys run on, what it returns is the error's text: no database takes it for SQL. Open returns the
// same error.
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

// noSQL leaves no semicolon, behind which a part of the text could be taken for a statement.
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

// up is the part that makes something, as it is in the file.
func (m migration) up() string {
	_, text, _ := strings.Cut(m.text, upMark)
	text, _, _ = strings.Cut(text, downMark)
	return strings.TrimSpace(text) + "\n"
}

// statements are those of up, for drivers that take one at a time and no semicolon.
func (m migration) statements() []string {
	parts := strings.Split(m.up(), ";\n")
	return parts[:len(parts)-1]
}

// migrate makes the table, or adds what is missing from it, and changes nothing else. What is there is looked up in the
// catalog, so it can be run at any time, by many at once, and beside a tool that keeps its own record.
func (t table) migrate(ctx context.Context, db *sql.DB) error {
	all := t.migrations()
	var failed error
	for done, tries := -1, 0; ; tries++ {
		f, err := t.look(ctx, db)
		switch {
		case err != nil:
			return err
		case len(f.problems) > 0 || f.migrated == len(all):
			return t.verdict(f)
		case f.migrated > done:
			done, tries = f.migrated, 0
		case tries == migrateTries || !passes(failed):
			return fmt.Errorf("keys: table %s: migration %s: %w", t, all[done].name, failed)
		default:
			if err := backoff.Wait(ctx, tries); err != nil {
				return err
			}
		}
		// Two that create the same thing at once can both fail to find it, and one of them to make it (23505, 42P07, 1061):
		// whatever the error, what counts is whether it is there afterwards.
		failed = t.run(ctx, db, all[done])
	}
}

// passes reports whether the same statement may succeed the next time.
func passes(err error) bool {
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
