package engine_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/engine"
)

const childEnv = "ENGINE_TEST_CHILD"

// TestKilledTestBinaryTakesItsServersAlong runs itself in a child process. The child prints which server it started, and then
// waits until it is killed.
func TestKilledTestBinaryTakesItsServersAlong(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		if engine.Pid(e) == 0 {
			return // no server, or a server that this package did not start
		}
		if os.Getenv(childEnv) != "" {
			fmt.Printf("started %d %s\n", engine.Pid(e), engine.Folder(e))
			_, _ = io.Copy(io.Discard, os.Stdin)
			return
		}
		pid, folder := killedChild(t, e)
		eventually(t, fmt.Sprintf("server %d to end", pid), func() bool { return ended(pid) })
		eventually(t, "its folder to be swept", func() bool {
			engine.Sweep(filepath.Dir(folder))
			_, err := os.Stat(folder)
			return os.IsNotExist(err)
		})
		if _, err := os.Stat(engine.Folder(e)); err != nil {
			t.Errorf("our own server's folder was swept as well: %v", err)
		}
	})
}

func killedChild(t *testing.T, e *engine.Engine) (pid int, folder string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0],
		"-test.run=^TestKilledTestBinaryTakesItsServersAlong$/^"+e.Name()+"$")
	cmd.Env = append(os.Environ(), childEnv+"=1")
	stdin, err1 := cmd.StdinPipe() // stays open as long as this process lives
	stdout, err2 := cmd.StdoutPipe()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err1 != nil || err2 != nil || err != nil {
		t.Fatal(err1, err2, err)
	}
	defer func() { _ = stdin.Close() }()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("%v, after %q\n%s", err, line, &stderr)
	}
	if _, err := fmt.Sscanf(line, "started %d %s\n", &pid, &folder); err != nil {
		t.Fatalf("%v in %q", err, line)
	}
	if ended(pid) {
		t.Fatalf("server %d has ended before its parent was killed", pid)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the error is "signal: killed"
	return pid, folder
}

// ended treats a zombie as ended, because a container may have no process that waits for it.
func ended(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, state, _ := bytes.Cut(stat, []byte(") "))
	return bytes.HasPrefix(state, []byte("Z"))
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(20*time.Millisecond), time.NewTimer(30*time.Second)
	defer tick.Stop()
	defer deadline.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("timeout while waiting for %s", what)
		}
	}
}
