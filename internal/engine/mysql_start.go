package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// MySQL comes from two npm packages: binaries under the GPL, packed by a third party, not by Oracle. scripts/engines checks their
// hash. They listen on 127.0.0.1 only, and are never part of what we ship.

// mysqlInstalled returns the folder with the given name that scripts/engines has installed. The folder contains the package and a
// data folder. Starters copy the data folder, because the creation of a new one takes longer. scripts/engines writes the file
// named installed last.
func mysqlInstalled(name string) (string, bool) {
	for _, cache := range cacheDirs() {
		root := filepath.Join(cache, name)
		if _, err := os.Stat(filepath.Join(root, "installed")); err == nil && reachable(root) {
			return root, true
		}
	}
	return "", false
}

// copyTemplate returns the command that copies the data folder of an installation. The copy does not keep the owners of the
// files.
func copyTemplate(root, data string) []string {
	return []string{"cp", "-R", filepath.Join(root, "data") + "/.", data}
}

// mysqlSettings returns the settings that both versions share. toPath converts a path to the form that the server reads.
func mysqlSettings(dir, data string, port int, toPath func(string) string) []string {
	return []string{
		"--datadir=" + toPath(data), "--tmpdir=" + toPath(dir), "--pid-file=" + toPath(filepath.Join(dir, "pid")),
		"--init-file=" + toPath(mysqlInitFile(data)),
		"--bind-address=127.0.0.1", fmt.Sprintf("--port=%d", port), "--skip-name-resolve",
		"--max-connections=1000", "--max-allowed-packet=16M", "--local-infile=1",
		"--character-set-server=utf8mb4", "--default-time-zone=+00:00",
		"--innodb-buffer-pool-size=128M", "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0",
	}
}

func mysqlInitFile(data string) string { return filepath.Join(filepath.Dir(data), "init.sql") }

// writeInitFile creates a user root for 127.0.0.1. The template knows root only at localhost, and the server does not resolve
// that name. The server reads one statement per line.
func writeInitFile(data, identified string) error {
	text := "CREATE USER IF NOT EXISTS root@'127.0.0.1'" + identified + ";\n" +
		"GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n"
	return os.WriteFile(mysqlInitFile(data), []byte(text), 0o644)
}

// mysql57Starter starts MySQL 5.7, a build for Linux on amd64.
type mysql57Starter struct{}

func (mysql57Starter) find() (string, error) {
	root, ok := mysqlInstalled("mysql57")
	if !ok {
		return "", errors.New("no MySQL 5.7 found")
	}
	program := filepath.Join(root, "package/server/mysqld")
	if _, err := versionOf(program); err != nil {
		return "", fmt.Errorf("%s does not run (it needs libaio.so.1, Debian's libaio1): %w", program, err)
	}
	return program, nil
}

func (mysql57Starter) install(program, data string) []string {
	return copyTemplate(filepath.Join(filepath.Dir(program), "../.."), data)
}

func (mysql57Starter) configure(data string, _ int) error { return writeInitFile(data, "") }

func (mysql57Starter) serve(program, dir, data string, port int) []string {
	share := filepath.Join(filepath.Dir(program), "share/mysql")
	return append([]string{
		program, "--no-defaults", "--log-syslog=0", "--basedir=" + filepath.Dir(filepath.Dir(program)),
		"--lc-messages-dir=" + share, "--character-sets-dir=" + filepath.Join(share, "charsets"),
		"--socket=" + filepath.Join(dir, "sock"), "--collation-server=utf8mb4_general_ci",
		"--explicit-defaults-for-timestamp=1", "--innodb-log-file-size=32M", "--secure-file-priv=NULL",
	}, mysqlSettings(dir, data, port, func(path string) string { return path })...)
}

func (mysql57Starter) dsn(port int) string { return mariadbStarter{}.dsn(port) }

func (mysql57Starter) driver() string { return "mysql" }

func (mysql57Starter) dataFolder(ctx context.Context, db *sql.DB) (string, error) {
	return mariadbStarter{}.dataFolder(ctx, db)
}

func (mysql57Starter) user() string { return "mysql" }

func (mysql57Starter) stopSignal() syscall.Signal { return syscall.SIGKILL }

// mysql8Starter starts MySQL 8.0, a build for Windows that runs under wine. All servers share wine's prefix folder, because the
// folder is 700 MB large. The folder belongs to the account that servers run as, because wine refuses any other owner.
//
// The started process is the server itself. If the process is killed, wine's own processes end within a second, unless another
// server uses them.
type mysql8Starter struct{}

func (s mysql8Starter) find() (string, error) {
	root, ok := mysqlInstalled("mysql8")
	if !ok {
		return "", errors.New("no MySQL 8 found")
	}
	wine, ok := firstProgram(inPath("wine64"), "/usr/lib/wine/wine64", "/usr/lib64/wine/wine64")
	if !ok {
		return "", errors.New("MySQL 8 is installed, but no wine64 to run it")
	}
	a, err := accountFor(s.user(), "nobody")
	if err != nil {
		return "", err
	}
	prefix := filepath.Join(root, "wine")
	if info, err := os.Stat(prefix); err != nil || !a.has(info) {
		return "", fmt.Errorf("MySQL 8 is installed, but %s is not of the user who would run it", prefix)
	}
	return wine, nil
}

func (mysql8Starter) root() string {
	root, _ := mysqlInstalled("mysql8") // find has already found the folder
	return root
}

func (s mysql8Starter) environ(string) []string {
	return []string{"WINEPREFIX=" + filepath.Join(s.root(), "wine"), "WINEARCH=win64", "WINEDEBUG=-all"}
}

func (s mysql8Starter) install(_, data string) []string { return copyTemplate(s.root(), data) }

// configure selects the authentication plugin that needs neither TLS nor a public key. The plugin is not the server's default.
func (mysql8Starter) configure(data string, _ int) error {
	return writeInitFile(data, " IDENTIFIED WITH mysql_native_password BY ''")
}

// serve returns the command of the server, with --no-monitor: without a second process that would restart the server.
func (s mysql8Starter) serve(wine, dir, data string, port int) []string {
	server := filepath.Join(s.root(), "package/server")
	return append([]string{
		wine, filepath.Join(server, "bin/mysqld.exe"), "--no-defaults", "--no-monitor", "--console",
		"--basedir=" + winePath(server), "--mysqlx=0", "--skip-log-bin", "--performance-schema=OFF", "--innodb-use-native-aio=0",
	}, mysqlSettings(dir, data, port, winePath)...)
}

// winePath returns a file name as wine's programs see it.
func winePath(path string) string { return "Z:" + path }

func (mysql8Starter) dsn(port int) string { return mariadbStarter{}.dsn(port) }

func (mysql8Starter) driver() string { return "mysql" }

func (mysql8Starter) dataFolder(ctx context.Context, db *sql.DB) (string, error) {
	dir, err := mariadbStarter{}.dataFolder(ctx, db)
	return strings.ReplaceAll(strings.TrimPrefix(dir, "Z:"), `\`, "/"), err
}

func (mysql8Starter) user() string { return "mysql" }

func (mysql8Starter) stopSignal() syscall.Signal { return syscall.SIGKILL }
