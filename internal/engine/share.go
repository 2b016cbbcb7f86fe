package engine

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The test binaries of one go command share one server per engine. They meet in a folder that is named after the go command,
// the user and the engine. The folder contains:
//
//	gate    locked for a short time by a process that joins, starts a keeper or stops one
//	keeper  locked for life by the keeper, the process that starts and stops the server
//	users   locked for life, with a shared lock, by every test binary that uses the server
//	note    written by the keeper: the address of the server, or the reason why it did not start
//	log     the keeper's own output
//
// The kernel releases the locks of a killed process, so other processes never wait for a dead process.
const (
	meetingPrefix = "upsert-share-"
	joinTries     = 20
)

// errGone says that the folder disappeared between two steps, because its keeper ended.
var errGone = errors.New("the shared server has just ended")

// note is the keeper's description of its server.
type note struct {
	Port   int
	Pid    int // process ID of the server
	Keeper int
	Folder string
	Error  string `json:",omitempty"`
}

// share is a test binary's share in a shared server.
type share struct {
	note    note
	meeting string
	users   *os.File
}

// parentPid is read early. If the parent process is killed, the process gets another parent, which may live forever.
var parentPid = os.Getppid()

// goCommand returns the go command that runs this test binary. Only go test passes the flag. If the go command that started the
// test binary has ended, there is no process to share a server with.
func goCommand() (process, bool) {
	f := flag.Lookup("test.paniconexit0")
	if f == nil || f.Value.String() != "true" || os.Getppid() != parentPid {
		return process{}, false
	}
	return processOf(parentPid)
}

// meetingFolder returns the same folder for all test binaries of one go command, and a different folder for other go commands.
func meetingFolder(name string, parent process) (string, error) {
	temp, err := tempFolder()
	if err != nil {
		return "", err
	}
	return filepath.Join(temp, fmt.Sprintf("%s%d-%d-%s-%s", meetingPrefix, os.Geteuid(), parent.Pid, parent.Started, name)), nil
}

// join returns a share in the engine's server. It starts the server if no other test binary has started it.
func join(ctx context.Context, name string, parent process) (s *share, err error) {
	path, err := meetingFolder(name, parent)
	if err != nil {
		return nil, err
	}
	for range joinTries {
		if s, err = joinAt(ctx, path, name, parent); !errors.Is(err, errGone) {
			break
		}
	}
	return s, err
}

func joinAt(ctx context.Context, path, name string, parent process) (_ *share, err error) {
	if err := makePrivate(path); err != nil {
		return nil, err
	}
	gate, err := enter(ctx, path)
	if err != nil {
		return nil, err
	}
	defer gate.Close()
	if err := ensureKeeper(path, name, parent); err != nil {
		return nil, err
	}
	users, err := openLock(path, "users")
	if err != nil {
		return nil, err
	}
	n, err := awaitNote(ctx, path)
	if err == nil {
		err = poll(ctx, func() error { return tryShare(users) })
	}
	if err != nil {
		return nil, errors.Join(err, users.Close())
	}
	return &share{note: n, meeting: path, users: users}, nil
}

func (s *share) leave() error { return s.users.Close() }

// makePrivate creates the folder if it does not exist. The name of the folder can be guessed, so makePrivate checks that the
// folder belongs to us.
func makePrivate(path string) error {
	if err := os.Mkdir(path, 0o700); err == nil || !errors.Is(err, os.ErrExist) {
		return err
	}
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return errGone
	}
	if err == nil && (!info.IsDir() || info.Mode().Perm() != 0o700 || !isOurs(info)) {
		err = fmt.Errorf("%s belongs to another user; remove it", path)
	}
	return err
}

// enter locks the folder's gate.
func enter(ctx context.Context, path string) (*os.File, error) {
	gate, err := openLock(path, "gate")
	if err != nil {
		return nil, err
	}
	err = poll(ctx, func() error { return tryLock(gate) })
	if err == nil && !isAt(gate, filepath.Join(path, "gate")) {
		err = errGone
	}
	if err != nil {
		return nil, errors.Join(err, gate.Close())
	}
	return gate, nil
}

// isAt reports whether the open file still has that path. The path changes if a keeper moves the folder away when it stops a
// server.
func isAt(f *os.File, path string) bool {
	x, err1 := f.Stat()
	y, err2 := os.Stat(path)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

func openLock(path, name string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(path, name), os.O_CREATE|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		return nil, errGone
	}
	return f, err
}

// poll tries until the lock is free.
func poll(ctx context.Context, try func() error) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		if err := try(); !errors.Is(err, errLocked) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// ensureKeeper starts a keeper if there is none. The caller holds the gate. The new keeper inherits our lock, so the keeper holds
// the lock from the first moment of its life.
func ensureKeeper(path, name string, parent process) error {
	lock, err := openLock(path, "keeper")
	if err != nil {
		return err
	}
	defer lock.Close()
	switch err := tryLock(lock); {
	case errors.Is(err, errLocked):
		return nil
	case err != nil:
		return err
	}
	if err := os.Remove(filepath.Join(path, "note")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err // the note is from a killed keeper
	}
	return startKeeper(order{Engine: name, Meeting: path, Parent: parent}, lock)
}

// awaitNote waits until the keeper has written the note or has ended.
func awaitNote(ctx context.Context, path string) (n note, err error) {
	err = poll(ctx, func() error {
		lives := isKept(path) // checked first, because a keeper that has ended may have written the note before
		text, err := os.ReadFile(filepath.Join(path, "note"))
		switch {
		case err == nil:
			return json.Unmarshal(text, &n)
		case !errors.Is(err, os.ErrNotExist):
			return err
		case lives:
			return errLocked
		}
		log, _ := os.ReadFile(filepath.Join(path, "log"))
		return fmt.Errorf("the keeper of the server ended: %s", strings.TrimSpace(string(log)))
	})
	if err == nil && n.Error != "" {
		err = errors.New(n.Error)
	}
	return n, err
}

// isKept reports whether the folder's keeper is alive.
func isKept(path string) bool {
	lock, err := openLock(path, "keeper")
	if err != nil {
		return false
	}
	defer lock.Close()
	return tryLock(lock) != nil
}
