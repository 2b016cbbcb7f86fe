package engine

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

const (
	// A free port may be taken before the server binds it.
	portTries = 5

	stopTimeout  = 15 * time.Second
	askTimeout   = 5 * time.Second
	pollInterval = 10 * time.Millisecond
	logTail      = 2000
)

var errPortTaken = errors.New("the port was taken by another program")

// server is a database server that this package started.
type server struct {
	starter  starter
	settings []string
	account  *account
	folder   *folder
	port     int
	spawned  *spawned
}

// launch fills a temporary folder and starts a server on the folder. The settings are added to the starter's own settings.
func launch(ctx context.Context, name string, st starter, program string, settings ...string) (_ *server, err error) {
	s := &server{starter: st, settings: settings}
	if s.account, err = accountFor(st.user(), "nobody"); err != nil {
		return nil, err
	}
	if s.folder, err = newFolder(name, s.account); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.folder.remove())
		}
	}()
	if err := s.install(ctx, program); err != nil {
		return nil, err
	}
	for range portTries {
		if s.port, err = freePort(); err != nil {
			return nil, err
		}
		if err = s.serve(ctx, program); !errors.Is(err, errPortTaken) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// command returns a command that runs in the server's folder. The command does not inherit our environment, because the server
// would obey PGDATA, MYSQL_HOME and similar variables.
func (s *server) command(args []string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = s.folder.path
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH") + ":/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + s.folder.path, "TMPDIR=" + s.folder.path, "LC_ALL=C", "TZ=UTC",
	}
	if e, ok := s.starter.(environer); ok {
		cmd.Env = append(cmd.Env, e.environ(args[0])...)
	}
	cmd.SysProcAttr = processAttr(s.account, s.starter.stopSignal())
	return cmd
}

func (s *server) data() string { return dataFolder(s.folder.path) }

func (s *server) logFile() string { return filepath.Join(s.folder.path, "log") }

// install fills the data folder.
func (s *server) install(ctx context.Context, program string) error {
	if err := errors.Join(os.Mkdir(s.data(), 0o700), s.account.owns(s.data())); err != nil {
		return err
	}
	args := s.starter.install(program, s.data())
	if args == nil {
		return nil
	}
	p, err := s.spawn(args)
	if err != nil {
		return err
	}
	select {
	case <-p.exited:
		err = p.err
	case <-ctx.Done():
		_ = p.process.Kill() // the process may already have ended
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(args[0]), err, s.tail())
	}
	return nil
}

type spawned struct {
	process *os.Process
	exited  chan struct{} // closed when the process has ended
	err     error         // how the process ended, valid after exited is closed
}

// spawn starts a command and sends its output to the log file. On Linux the command must die with this process. The kernel,
// however, considers the thread that started the command as its parent. Therefore that thread waits for the command and lives as
// long as the command.
func (s *server) spawn(args []string) (*spawned, error) {
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the command has a descriptor of its own
	cmd := s.command(args)
	cmd.Stdout, cmd.Stderr = log, log
	p, started := &spawned{exited: make(chan struct{})}, make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		p.process = cmd.Process
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.exited)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// serve starts the server and returns when the server answers.
func (s *server) serve(ctx context.Context, program string) error {
	if err := os.WriteFile(s.logFile(), nil, 0o644); err != nil { // empties the log, so that answers reads only this attempt
		return err
	}
	if c, ok := s.starter.(configurer); ok {
		if err := c.configure(s.data(), s.port); err != nil {
			return err
		}
	}
	p, err := s.spawn(append(s.starter.serve(program, s.folder.path, s.data(), s.port), s.settings...))
	if err != nil {
		return err
	}
	s.spawned = p
	if err := s.answers(ctx); err != nil {
		return errors.Join(err, s.kill())
	}
	return nil
}

// answers waits until the server answers.
func (s *server) answers(ctx context.Context) error {
	db, err := sql.Open(s.starter.driver(), s.starter.dsn(s.port))
	if err != nil {
		return err
	}
	defer db.Close()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w\n%s", ctx.Err(), s.tail())
		case <-s.spawned.exited:
			tail := s.tail()
			if portInUse(tail) {
				return errPortTaken
			}
			return fmt.Errorf("the server ended during its start\n%s", tail)
		case <-tick.C:
		}
		dir, err := s.askFolder(ctx, db)
		switch {
		case err == nil && sameFolder(dir, s.data()):
			return nil
		case err == nil:
			return errPortTaken
		}
	}
}

// askFolder has a timeout, because another program may have taken the port and may never answer.
func (s *server) askFolder(ctx context.Context, db *sql.DB) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return s.starter.dataFolder(ctx, db)
}

// portInUse recognises the messages of PostgreSQL and MariaDB about a used port.
func portInUse(log string) bool {
	log = strings.ToLower(log)
	return strings.Contains(log, "address already in use") || strings.Contains(log, "bind on tcp/ip port")
}

// sameFolder compares the files, not the names, because a server may resolve symbolic links in the name of its folder.
func sameFolder(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

// tail returns the end of the server's log.
func (s *server) tail() string {
	log, err := os.ReadFile(s.logFile())
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(log[max(0, len(log)-logTail):]))
}

// kill ends the process.
func (s *server) kill() error {
	if err := s.spawned.process.Signal(s.starter.stopSignal()); err != nil {
		_ = s.spawned.process.Kill() // the system has no such signals, or the process has ended
	}
	timeout := time.NewTimer(stopTimeout)
	defer timeout.Stop()
	select {
	case <-s.spawned.exited:
		return nil
	case <-timeout.C:
	}
	_ = s.spawned.process.Kill()
	select {
	case <-s.spawned.exited:
		return nil
	case <-time.After(stopTimeout):
		return fmt.Errorf("process %d does not end", s.spawned.process.Pid)
	}
}

// stop ends the server and removes its folder.
func (s *server) stop() error {
	if err := s.kill(); err != nil {
		return err
	}
	return s.folder.remove()
}
