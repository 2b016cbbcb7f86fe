package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// starter starts the server of one kind of database.
type starter interface {
	// find returns the server program, or an error that says what is missing.
	find() (program string, err error)

	// install returns the command that fills an empty data folder, or nil if the folder can stay empty.
	install(program, data string) []string

	// serve returns the command that serves the data folder on a port of 127.0.0.1. Sockets are created in dir.
	serve(program, dir, data string, port int) []string

	// dsn returns the DSN of the server, without a namespace.
	dsn(port int) string

	// driver and dataFolder ask the server which folder it serves, because another program may have taken the port.
	driver() string
	dataFolder(ctx context.Context, db *sql.DB) (string, error)

	// user returns the system user that the program's package creates.
	user() string

	// stopSignal returns the signal that stops the server immediately. The data are not needed any more.
	stopSignal() syscall.Signal
}

// configurer is a starter whose server reads its port from a file in the data folder.
type configurer interface {
	configure(data string, port int) error
}

// environer is a starter whose programs need additional environment variables.
type environer interface {
	environ(program string) []string
}

// account is the system user that a server runs as. A nil account is the current user.
type account struct{ uid, gid uint32 }

// accountFor returns nil unless the current user is root, because PostgreSQL and MariaDB refuse to run as root.
func accountFor(names ...string) (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		return &account{uint32(uid), uint32(gid)}, nil
	}
	return nil, fmt.Errorf("root cannot run a database server, and there is no user called any of %q", names)
}

// owns makes the account the owner of path.
func (a *account) owns(path string) error {
	if a == nil {
		return nil
	}
	return os.Chown(path, int(a.uid), int(a.gid))
}

// firstProgram returns the first path that is a program that every user may run.
func firstProgram(paths ...string) (string, bool) {
	for _, p := range paths {
		info, err := os.Stat(p)
		if err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 && reachable(filepath.Dir(p)) {
			return p, true
		}
	}
	return "", false
}

// reachable reports whether a server may enter the folder. If the current user is root, the server runs as another user, so every
// folder on the path must be open to all users. Root's own home usually is not.
func reachable(dir string) bool {
	if os.Geteuid() != 0 {
		return true
	}
	for {
		info, err := os.Stat(dir)
		if err != nil || info.Mode()&0o001 == 0 {
			return false
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return true
		}
		dir = parent
	}
}

// inPath returns the path of the program in the shell's search path, without symbolic links, or "".
func inPath(name string) string {
	p, err := exec.LookPath(name)
	if err != nil && !errors.Is(err, exec.ErrDot) {
		return ""
	}
	if p, err = filepath.EvalSymlinks(p); err != nil {
		return ""
	}
	if p, err = filepath.Abs(p); err != nil {
		return ""
	}
	return p
}

// versionOf runs the program with --version.
func versionOf(program string) (string, error) {
	out, err := exec.Command(program, "--version").Output()
	return string(out), err
}

// glob is filepath.Glob for valid patterns.
func glob(pattern string) []string {
	paths, _ := filepath.Glob(pattern)
	return paths
}

// makeDir creates a temporary folder that the account can reach.
func makeDir(prefix string) (string, error) {
	parent, err := tempFolder()
	if err != nil {
		return "", err
	}
	return os.MkdirTemp(parent, prefix)
}

// tempFolder returns the first folder for temporary files that the account can reach and the current user can write to.
func tempFolder() (string, error) {
	for _, parent := range tempFolders() {
		if !reachable(parent) {
			continue
		}
		probe, err := os.MkdirTemp(parent, folderPrefix+"probe-")
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			continue
		}
		if err == nil {
			err = os.Remove(probe)
		}
		return parent, err
	}
	return "", fmt.Errorf("no temporary folder that a server's user can reach; set TMPDIR")
}

// mostInMemory is the largest size of the long tests for which the data are kept in memory.
const mostInMemory = 0.1

// tempFolders begins with a folder in memory for tests, if there is plenty of memory, because that saves a quarter of their time.
// Benchmarks and large long tests use the disk. If TMPDIR is set, it applies to everything.
func tempFolders() []string {
	folders := []string{os.TempDir(), "/tmp", "/var/tmp"}
	factor, _, _ := longFactor()
	if os.Getenv("TMPDIR") == "" && testing.Testing() && factor <= mostInMemory {
		return append(memoryFolders(), folders...)
	}
	return folders
}
