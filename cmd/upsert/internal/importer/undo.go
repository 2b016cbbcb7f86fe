package importer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/goupsert/upsert/cmd/upsert/internal/database"
)

// made is what a run has made to write into. It is taken away again if the run ends without a row that it has committed.
type made struct {
	file  string // the SQLite database, or ""
	table bool
}

// claimFile makes the database's file. SQLite would make it too, but would not say whether it was there.
func (p *program) claimFile() error {
	name := database.File(p.cfg.dsn)
	if name == "" {
		return nil
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return nil // somebody was faster, and it is theirs
	}
	if err != nil {
		return fmt.Errorf("-dsn: %w", err)
	}
	p.made.file = name
	return f.Close()
}

// undoTimeout bounds the wait for a lock that others hold on what is to be taken away.
const undoTimeout = 5 * time.Second

// undo takes away what the run has made, after an error, and returns what is to be said of it.
func (p *program) undo(ctx context.Context, failed error) string {
	if mayHaveWritten(failed, p.writing) || p.made == (made{}) {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	switch err := p.undoMade(ctx); {
	case err != nil:
		return "what -create has made is left behind: " + err.Error()
	case p.made.file != "":
		return "the database that -create has made is removed again"
	}
	return "the table that -create has made is dropped again"
}

func (p *program) undoMade(ctx context.Context) error {
	if p.made.file == "" {
		return p.dropTable(ctx)
	}
	if err := p.checkFile(ctx); err != nil {
		return err
	}
	p.db.Close()
	for _, end := range []string{"", "-journal", "-wal", "-shm"} {
		if err := os.Remove(p.made.file + end); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

var errInUse = errors.New("others have written to it since")

// checkFile finds out whether others use the file. It writes nothing: the disk may be full.
func (p *program) checkFile(ctx context.Context) error {
	var tables int
	if err := p.db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE type = 'table'").Scan(&tables); err != nil {
		return err
	}
	if tables == 0 {
		return nil
	}
	if tables > 1 || !p.made.table {
		return errInUse
	}
	return p.checkEmpty(ctx, p.db)
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func (p *program) checkEmpty(ctx context.Context, q querier) error {
	var rows int
	if err := q.QueryRowContext(ctx, "SELECT count(*) FROM "+p.family.quoteTable(p.cfg.table)).Scan(&rows); err != nil {
		return err
	}
	if rows > 0 {
		return errInUse
	}
	return nil
}

// dropTable drops the table under a lock, because others may be about to write their first row.
func (p *program) dropTable(ctx context.Context) error {
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	table := p.family.quoteTable(p.cfg.table)
	steps := map[family][2][]string{
		familySQLite:   {{"BEGIN IMMEDIATE"}, {"COMMIT", "ROLLBACK"}},
		familyPostgres: {{"BEGIN", "LOCK TABLE " + table + " IN ACCESS EXCLUSIVE MODE"}, {"COMMIT", "ROLLBACK"}},
		familyMySQL:    {{"LOCK TABLES " + table + " WRITE"}, {"UNLOCK TABLES", "UNLOCK TABLES"}},
	}[p.family]
	for _, step := range steps[0] {
		if _, err = conn.ExecContext(ctx, step); err != nil {
			break
		}
	}
	if err == nil {
		err = p.checkEmpty(ctx, conn)
	}
	if err == nil {
		_, err = conn.ExecContext(ctx, "DROP TABLE "+table)
	}
	if err != nil {
		_, _ = conn.ExecContext(ctx, steps[1][1])
		return err
	}
	_, err = conn.ExecContext(ctx, steps[1][0])
	return err
}
