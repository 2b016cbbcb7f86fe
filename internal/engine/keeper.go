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
	keeperEnv = "UPSERT_ENGINE_KEEPER" // set by ourselves only
	keeperFD  = 3                      // the first of a command's ExtraFiles

	keeperInterval = 50 * time.Millisecond

	// keeperIdle is how long a server without users waits for the next package. One that comes later starts another.
	keeperIdle = 10 * time.Minute
)

// order is what a keeper is told.
type order struct {
	Engine  string
	Meeting string
	Parent  process // the go command, after which the server ends
}

// startKeeper runs this test binary again as a keeper. It shares no pipe and no process group with us: the go command
// waits for those who hold its pipe, and Ctrl-C must leave the keeper time to clean up.
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
	defer log.Close() // the keeper has its own
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
	go func() { _ = cmd.Wait() }() // if it ends before us, so that it does not stay as a zombie
	return nil
}

// fuzzFDs are the pipes and the memory that a worker of go test -fuzz shares with the process that has started it, which waits
// for all who hold them.
var fuzzFDs = [...]int{3, 4, 5}

// keepFuzzPipes keeps a fuzz worker's pipes from a keeper, which lives longer.
func keepFuzzPipes() {
	if f := flag.Lookup("test.fuzzworker"); f == nil || f.Value.String() != "true" {
		return
	}
	for _, fd := range fuzzFDs {
		closeOnExec(fd)
	}
}

// keeper starts a shared server, and ends it when nobody needs it.
type keeper struct {
	order  order
	server *server
	users  *os.File
	gate   *os.File  // held from the decision to end
	used   time.Time // when somebody was last seen to use the server
}

// keep is the whole life of a keeper. It returns the exit code.
func (s *session) keep(text string, log io.Writer) int {
	closeOnExec(keeperFD) // the server must not hold the lock
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

// write puts the note in its place at once, so that nobody reads half of it.
func (k *keeper) write(n note) error {
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	path := filepath.Join(k.order.Meeting, "note")
	return errors.Join(os.WriteFile(path+".new", text, 0o600), os.Rename(path+".new", path))
}

// wait returns when the server is not needed, or has ended, or we are told to end.
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

// isDone reports whether nobody uses the server, and the go command has ended or nobody has come for long. Then it holds
// the gate: a test binary that comes now waits for it, finds the folder gone, and starts anew.
func (k *keeper) isDone() bool {
	if tryLock(k.users) != nil {
		k.used = time.Now()
		return false
	}
	if (!k.order.Parent.lives() || time.Since(k.used) > keeperIdle) && tryLock(k.gate) == nil {
		return true
	}
	_ = unlock(k.users) // it cannot fail: we hold it
	return false
}

// clear takes the folder away. Whoever was not asked to leave meets a folder without a keeper.
func (k *keeper) clear() error {
	if tryLock(k.gate) != nil {
		return nil // somebody is about to join, and starts a keeper of their own
	}
	return removeMeeting(k.order.Meeting)
}

// removeMeeting is called with the gate's lock. It moves the folder first: nobody may meet in one that is half removed.
func removeMeeting(path string) error {
	gone := fmt.Sprintf("%s.gone-%d", path, os.Getpid())
	if err := os.Rename(path, gone); err != nil {
		return err
	}
	return os.RemoveAll(gone)
}

// sweepMeetings removes the folders of keepers that were killed. Their servers' folders are swept as all are.
func sweepMeetings(parent string) {
	for _, path := range glob(filepath.Join(parent, fmt.Sprintf("%s%d-*", meetingPrefix, os.Geteuid()))) {
		gate, err := os.OpenFile(filepath.Join(path, "gate"), os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if tryLock(gate) == nil && isAt(gate, filepath.Join(path, "gate")) && !isKept(path) {
			_ = removeMeeting(path) // somebody else's rubbish is not our failure
		}
		_ = gate.Close()
	}
}
