package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
)

type mariadbStarter struct{}

func (mariadbStarter) find() (string, error) {
	if _, err := mariadbInstaller(); err != nil {
		return "", err
	}
	for _, name := range []string{"mariadbd", "mysqld"} {
		program, ok := firstProgram(inPath(name), "/usr/sbin/"+name, "/usr/libexec/"+name, "/usr/local/sbin/"+name)
		if !ok {
			continue
		}
		if out, err := versionOf(program); err == nil && strings.Contains(out, "MariaDB") {
			return program, nil
		}
	}
	return "", errors.New("no MariaDB server program (mariadbd) found")
}

func mariadbInstaller() (string, error) {
	for _, name := range []string{"mariadb-install-db", "mysql_install_db"} {
		if program, ok := firstProgram(inPath(name), "/usr/bin/"+name, "/usr/local/bin/"+name); ok {
			return program, nil
		}
	}
	return "", errors.New("no MariaDB server program (mariadb-install-db) found")
}

func (mariadbStarter) install(_, data string) []string {
	installer, _ := mariadbInstaller() // find has already found the installer
	return append([]string{
		installer, "--no-defaults", "--datadir=" + data, "--auth-root-authentication-method=normal", "--skip-test-db",
	}, mariadbSizes()...)
}

// mariadbSizes returns the settings that must be the same for installation and server. A server that finds a log of another size
// rewrites the log.
func mariadbSizes() []string {
	return []string{
		"--skip-name-resolve", "--innodb-log-file-size=32M", "--innodb-buffer-pool-size=64M", "--aria-log-file-size=8M",
		"--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--sync-frm=0",
	}
}

// serve returns the command of the server. It sets the character set that MariaDB's packages set in the configuration files,
// because --no-defaults ignores these files.
func (mariadbStarter) serve(program, dir, data string, port int) []string {
	return append([]string{
		program, "--no-defaults", "--datadir=" + data,
		"--socket=" + filepath.Join(dir, "sock"), "--pid-file=" + filepath.Join(dir, "pid"), "--tmpdir=" + dir,
		"--bind-address=127.0.0.1", fmt.Sprintf("--port=%d", port),
		"--max-connections=1000", "--skip-log-bin", "--skip-slow-query-log",
		"--character-set-server=utf8mb4", "--collation-server=utf8mb4_general_ci", "--default-time-zone=+00:00",
	}, mariadbSizes()...)
}

func (mariadbStarter) dsn(port int) string {
	return fmt.Sprintf("root@tcp(127.0.0.1:%d)/", port)
}

func (mariadbStarter) driver() string { return "mysql" }

func (mariadbStarter) dataFolder(ctx context.Context, db *sql.DB) (dir string, err error) {
	err = db.QueryRowContext(ctx, "SELECT @@datadir").Scan(&dir)
	return dir, err
}

func (mariadbStarter) user() string { return "mysql" }

func (mariadbStarter) stopSignal() syscall.Signal { return syscall.SIGKILL }
