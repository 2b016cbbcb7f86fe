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

// MySQL itself comes from two npm packages: binaries under the GPL that somebody other than Oracle has packed.
// scripts/engines checks their hash. They listen on 127.0.0.1 only, and are never part of what we ship.

// mysqlInstalled returns the folder of that name which scripts/engines has filled: with the package, and with a data
// folder to be copied, because making one takes longer. The file installed is written last.
func mysqlInstalled(name string) (string, bool) {
	for _, cache := range cacheDirs() {
		root := filepath.Join(cache, name)
		if _, err := os.Stat(filepath.Join(root, "installed")); err == nil && reachable(root) {
			return root, true
		}
	}
	return "", false
}

// copyTemplate returns the command that copies the data folder of an installation. It leaves the owners behind.
func copyTemplate(root, data string) []string {
	return []string{"cp", "-R", filepath.Join(root, "data") + "/.", data}
}

// mysqlSettings are the same for both versions; toPath writes a path as the server reads it.
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

// writeInitFile lets root in, who is known to the template only by the name localhost, which the server does not look up.
// The server reads one statement a line.
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

// mysql8Starter starts MySQL 8.0, a build for Windows that wine runs. All servers share the folder that wine calls its
// prefix, because it is 700 MB large. It belongs to the account that servers run as, because wine refuses any other.
//
// The process that we start is the server itself. If it is killed, wine's own processes end within a second, unless
// another server uses them.
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
	root, _ := mysqlInstalled("mysql8") // find has seen it
	return root
}

func (s mysql8Starter) environ(string) []string {
	return []string{"WINEPREFIX=" + filepath.Join(s.root(), "wine"), "WINEARCH=win64", "WINEDEBUG=-all"}
}

func (s mysql8Starter) install(_, data string) []string { return copyTemplate(s.root(), data) }

// configure chooses the plugin that needs neither TLS nor a public key. It is not the server's default.
func (mysql8Starter) configure(data string, _ int) error {
	return writeInitFile(data, " IDENTIFIED WITH mysql_native_password BY ''")
}

// serve does without the second process that would start the server again.
func (s mysql8Starter) serve(wine, dir, data string, port int) []string {
	server := filepath.Join(s.root(), "package/server")
	return append([]string{
		wine, filepath.Join(server, "bin/mysqld.exe"), "--no-defaults", "--no-monitor", "--console",
		"--basedir=" + winePath(server), "--mysqlx=0", "--skip-log-bin", "--performance-schema=OFF", "--innodb-use-native-aio=0",
	}, mysqlSettings(dir, data, port, winePath)...)
}

// winePath names a file as wine's programs see it.
func winePath(path string) string { return "Z:" + path }

func (mysql8Starter) dsn(port int) string { return mariadbStarter{}.dsn(port) }

func (mysql8Starter) driver() string { return "mysql" }

func (mysql8Starter) dataFolder(ctx context.Context, db *sql.DB) (string, error) {
	dir, err := mariadbStarter{}.dataFolder(ctx, db)
	return strings.ReplaceAll(strings.TrimPrefix(dir, "Z:"), `\`, "/"), err
}

func (mysql8Starter) user() string { return "mysql" }

func (mysql8Starter) stopSignal() syscall.Signal { return syscall.SIGKILL }
