package engine_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
)

const userEnv = "ENGINE_TEST_USER"

// user describes a test binary that uses a shared server.
type user struct {
	Own, Server, Keeper int
	Folder, Meeting     string
}

// TestShared has three roles. In a process with userEnv it is a user: it prints which server it shares and waits for a signal.
func TestShared(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		if engine.Pid(e) == 0 {
			return // no server, or a server that this package did not start
		}
		if os.Getenv(userEnv) != "" {
			use(t, e)
			return
		}
		for name, f := range map[string]func(*testing.T, *goCommand){
			"the last one ends it":     lastOneEndsIt,
			"ended before its users":   endedBeforeItsUsers,
			"a killed keeper":          killedKeeper,
			"the first is killed soon": firstIsKilled,
		} {
			if name != "the last one ends it" && e.Name() != "postgres" {
				continue // servers differ in how they stop, not in which process stops them
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				f(t, newGoCommand(t, e))
			})
		}
	})
}

func use(t *testing.T, e *engine.Engine) {
	t.Helper()
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGUSR1)
	text, err := json.Marshal(user{os.Getpid(), engine.Pid(e), engine.Keeper(e), engine.Folder(e), engine.Meeting(e)})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("user %s\n", text)
	<-told
}

// lastOneEndsIt checks that the server survives a killed user and a user that ends, and stops after the go command has ended.
func lastOneEndsIt(t *testing.T, c *goCommand) {
	a, b := c.start(t), c.start(t)
	sameServer(t, a, b)
	a.signal(t, syscall.SIGKILL)
	sameServer(t, b, c.start(t))
	b.signal(t, syscall.SIGUSR1)
	last := c.start(t)
	sameServer(t, b, last)
	for _, u := range c.users {
		u.signal(t, syscall.SIGUSR1)
	}
	again := c.start(t) // the next package
	sameServer(t, a, again)
	again.signal(t, syscall.SIGUSR1)
	c.end(t)
	nothingLeft(t, a)
}

// endedBeforeItsUsers simulates Ctrl-C: the go command ends before its test binary.
func endedBeforeItsUsers(t *testing.T, c *goCommand) {
	a, b := c.start(t), c.start(t)
	c.end(t)
	a.signal(t, syscall.SIGUSR1)
	if ended(b.Server) {
		t.Error("the server has ended before its last user")
	}
	b.signal(t, syscall.SIGKILL)
	nothingLeft(t, a)
}

// killedKeeper checks that the server of a killed keeper dies, and that the next user gets another server.
func killedKeeper(t *testing.T, c *goCommand) {
	a := c.start(t)
	if err := syscall.Kill(a.Keeper, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server to end", func() bool { return ended(a.Server) })
	b := c.start(t)
	if b.Server == a.Server || b.Keeper == a.Keeper {
		t.Errorf("the second user has %+v, want another server than %+v", b, a)
	}
	a.signal(t, syscall.SIGUSR1)
	b.signal(t, syscall.SIGUSR1)
	c.end(t)
	nothingLeft(t, b)
	if _, err := os.Stat(a.Folder); !os.IsNotExist(err) {
		t.Errorf("stat %s: %v, want the first server's folder removed", a.Folder, err)
	}
}

// firstIsKilled kills the user that started the keeper while the server starts. The next user must get that server.
func firstIsKilled(t *testing.T, c *goCommand) {
	c.run(t)
	var first int
	eventually(t, "a keeper", func() bool {
		first = c.child()
		return first != 0 && engine.HasKeeper(c.engine, c.cmd.Process.Pid)
	})
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	u := c.start(t)
	if u.Own == first {
		u = c.next(t) // the killed user had printed its line before
	}
	u.signal(t, syscall.SIGUSR1)
	c.end(t)
	nothingLeft(t, u)
}

func sameServer(t *testing.T, a, b *user) {
	t.Helper()
	if a.Server != b.Server || a.Keeper != b.Keeper || a.Own == b.Own || ended(a.Server) {
		t.Errorf("users %+v and %+v, want two with one server", a, b)
	}
}

func nothingLeft(t *testing.T, u *user) {
	t.Helper()
	eventually(t, "the server and its keeper to end", func() bool { return ended(u.Server) && ended(u.Keeper) })
	for _, path := range []string{u.Folder, u.Meeting} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("stat %s: %v, want the path removed", path, err)
		}
	}
}

// signal sends the user a signal that ends it, and returns when the user has ended.
func (u *user) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	_ = syscall.Kill(u.Own, s) // the user may have ended before
	eventually(t, fmt.Sprintf("user %d to end", u.Own), func() bool { return ended(u.Own) })
}

// goCommand plays the role of a go command. It is a shell that starts a test binary for each line that it reads.
type goCommand struct {
	engine *engine.Engine
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	out    *bufio.Reader
	users  []*user
}

func newGoCommand(t *testing.T, e *engine.Engine) *goCommand {
	t.Helper()
	run := "-test.run=^TestShared$/^" + e.Name() + "$"
	c := &goCommand{engine: e, cmd: exec.Command("/bin/sh", "-c", `while read line; do "$0" "$@" & done`, os.Args[0],
		"-test.paniconexit0", "-test.timeout=2m", run)}
	c.cmd.Env = append(os.Environ(), userEnv+"=1")
	c.cmd.Stderr = os.Stderr
	stdin, err1 := c.cmd.StdinPipe()
	stdout, err2 := c.cmd.StdoutPipe()
	if err := c.cmd.Start(); err1 != nil || err2 != nil || err != nil {
		t.Fatal(err1, err2, err)
	}
	c.stdin, c.out = stdin, bufio.NewReader(stdout)
	t.Cleanup(func() {
		for _, u := range c.users {
			_ = syscall.Kill(u.Own, syscall.SIGUSR1) // has an effect only after a failure; otherwise the user has ended
		}
		_ = c.stdin.Close()
		_ = c.cmd.Wait()
	})
	return c
}

func (c *goCommand) run(t *testing.T) {
	t.Helper()
	if _, err := io.WriteString(c.stdin, "\n"); err != nil {
		t.Fatal(err)
	}
}

// start starts a user and returns the user when it has its server.
func (c *goCommand) start(t *testing.T) *user {
	t.Helper()
	c.run(t)
	return c.next(t)
}

func (c *goCommand) next(t *testing.T) *user {
	t.Helper()
	for {
		line, err := c.out.ReadString('\n')
		if err != nil {
			t.Fatalf("%v, after %q", err, line)
		}
		text, ok := strings.CutPrefix(line, "user ")
		if !ok {
			continue // output at the end of a test binary
		}
		u := &user{}
		if err := json.Unmarshal([]byte(text), u); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		c.users = append(c.users, u)
		return u
	}
}

// child returns the process ID of a child of the shell, or 0.
func (c *goCommand) child() (pid int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", c.cmd.Process.Pid, c.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, _ = fmt.Sscan(string(text), &pid)
	return pid
}

// end ends the shell. Its users continue.
func (c *goCommand) end(t *testing.T) {
	t.Helper()
	if err := c.stdin.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "the go command to end", func() bool { return ended(c.cmd.Process.Pid) })
}
