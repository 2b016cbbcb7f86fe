package engine

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

const (
	keeperEnv = "UPSERT_ENGINE_KEEPER" // set only by this package
	keeperFD  = 3                      // the first of a command's ExtraFiles

	keeperInterval = 50 * time.Millisecond

	// keeperIdle is how long a server without users waits for the next package. After that time, the next package starts another
	// server.
	keeperIdle = 10 * time.Minute
)

// order holds the instructions for a keeper.
type order struct {
	Engine  string
	Meeting string
	Parent  process // the go command; the server ends after it
}

// startKeeper runs this test binary again as a keeper. The keeper shares no pipe with us, because the go command waits for every
// process that holds its pipe. The keeper has a process group of its own, so that it can clean up after Ctrl-C.
func startKeeper(o order, lock *os.File) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(o.Meeting, "log"))
	if err != nil {
		return err
	}
	defer log.Close() // the keeper has a descriptor of its own
	keepFuzzPipes()
	cmd := exec.Command(program)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), keeperEnv+"="+string(text))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{lock}
	cmd.SysProcAttr = detachedAttr()
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // prevents a zombie if the keeper ends before us
	return nil
}

// fuzzFDs are the pipes and the shared memory between a worker of go test -fuzz and its parent process. The parent waits for
// every process that holds them.
var fuzzFDs = [...]int{3, 4, 5}

// keepFuzzPipes closes a fuzz worker's pipes in the keeper, which lives longer than the worker.
func keepFuzzPipes() {
	if f := flag.Lookup("test.fuzzworker"); f == nil || f.Value.String() != "true" {
		return
	}
	for _, fd := range fuzzFDs {
		closeOnExec(fd)
	}
}

// keeper starts a shared server and stops it when the server is no longer needed.
type keeper struct {
	order  order
	server *server
	users  *os.File
	gate   *os.File  // held after the decision to stop the server
	used   time.Time // when the server was last seen in use
}

// keep is the main function of a keeper. It returns the exit code.
func (s *session) keep(text string, log io.Writer) int {
	closeOnExec(keeperFD) // the server must not inherit the lock
	if err := os.Unsetenv(keeperEnv); err != nil {
		fmt.Fprintln(log, err)
		return 1
	}
	k := &keeper{}
	if err := json.Unmarshal([]byte(text), &k.order); err != nil {
		fmt.Fprintln(log, err)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := k.run(ctx); err != nil {
		fmt.Fprintln(log, err)
		return 1
	}
	return 0
}

func (k *keeper) run(ctx context.Context) (err error) {
	sweepMeetings(filepath.Dir(k.order.Meeting))
	if k.users, err = openLock(k.order.Meeting, "users"); err != nil {
		return err
	}
	if k.gate, err = openLock(k.order.Meeting, "gate"); err != nil {
		return err
	}
	if err := k.start(ctx); err != nil {
		return errors.Join(err, k.write(note{Error: err.Error()}))
	}
	n := note{Port: k.server.port, Pid: k.server.spawned.process.Pid, Keeper: os.Getpid(), Folder: k.server.folder.path}
	if err := k.write(n); err != nil {
		return errors.Join(err, k.server.stop())
	}
	k.wait(ctx)
	return errors.Join(k.server.stop(), k.clear())
}

func (k *keeper) start(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	e := Get(k.order.Engine)
	program, err := e.starter.find()
	if err != nil {
		return err
	}
	k.server, err = launch(ctx, e.name, e.starter, program)
	return err
}

// write replaces the note atomically, so that a reader never sees half a note.
func (k *keeper) write(n note) error {
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	path := filepath.Join(k.order.Meeting, "note")
	return errors.Join(os.WriteFile(path+".new", text, 0o600), os.Rename(path+".new", path))
}

// wait returns when the server is no longer needed, when the server has ended, or when the keeper is asked to end.
func (k *keeper) wait(ctx context.Context) {
	k.used = time.Now()
	tick := time.NewTicker(keeperInterval)
	defer tick.Stop()
	for !k.isDone() {
		select {
		case <-ctx.Done():
			return
		case <-k.server.spawned.exited:
			return
		case <-tick.C:
		}
	}
}

// isDone reports whether the server can stop: no test binary uses it, and either the go command has ended or the server has been
// idle for keeperIdle. In that case isDone keeps the lock of the gate. A test binary that arrives now waits for the gate, finds
// the folder gone, and starts a new keeper.
func (k *keeper) isDone() bool {
	if tryLock(k.users) != nil {
		k.used = time.Now()
		return false
	}
	if (!k.order.Parent.lives() || time.Since(k.used) > keeperIdle) && tryLock(k.gate) == nil {
		return true
	}
	_ = unlock(k.users) // unlock cannot fail, because we hold the lock
	return false
}

// clear removes the folder. A test binary that still uses the folder finds no keeper there.
func (k *keeper) clear() error {
	if tryLock(k.gate) != nil {
		return nil // another test binary is about to join and will start a keeper
	}
	return removeMeeting(k.order.Meeting)
}

// removeMeeting removes the folder of a meeting. The caller holds the lock of the gate. The folder is renamed first, so that no
// test binary joins a half-removed folder.
func removeMeeting(path string) error {
	gone := fmt.Sprintf("%s.gone-%d", path, os.Getpid())
	if err := os.Rename(path, gone); err != nil {
		return err
	}
	return os.RemoveAll(gone)
}

// sweepMeetings removes the folders of killed keepers. The sweep of server folders removes the folders of their servers.
func sweepMeetings(parent string) {
	for _, path := range glob(filepath.Join(parent, fmt.Sprintf("%s%d-*", meetingPrefix, os.Geteuid()))) {
		gate, err := os.OpenFile(filepath.Join(path, "gate"), os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if tryLock(gate) == nil && isAt(gate, filepath.Join(path, "gate")) && !isKept(path) {
			_ = removeMeeting(path) // a failure to clean up after another process is not an error of this test
		}
		_ = gate.Close()
	}
}
