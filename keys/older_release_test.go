package keys_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

// lastWithoutLeases is the last commit whose package keys has no leases.
const lastWithoutLeases = "5004138d58e8"

// buildOlder builds testdata/older_release.go.txt at the commit lastWithoutLeases. It needs the history of the repository.
func buildOlder(t *testing.T) (program string) {
	t.Helper()
	dir := t.TempDir()
	program = filepath.Join(dir, "older")
	send := func(where, name string, args ...string) error {
		c := exec.CommandContext(t.Context(), name, args...)
		c.Dir, c.Env = where, append(os.Environ(), "GOWORK=off", "GOFLAGS=")
		out, err := c.CombinedOutput()
		if err != nil {
			t.Logf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return err
	}
	if send("..", "git", "archive", "-o", filepath.Join(dir, "source.tar"), lastWithoutLeases) != nil {
		t.Skipf("this checkout does not have the commit %s, or git is missing", lastWithoutLeases)
	}
	main := filepath.Join(dir, "internal", "older")
	text, err := os.ReadFile("testdata/older_release.go.txt")
	for _, step := range []func() error{
		func() error { return err },
		func() error { return send(dir, "tar", "-xf", "source.tar") },
		func() error { return os.Mkdir(main, 0o700) },
		func() error { return os.WriteFile(filepath.Join(main, "main.go"), text, 0o600) },
		func() error { return send(dir, "go", "build", "-o", program, "./internal/older") },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	return program
}

// TestHazard_K58_OlderRelease shows what a process of the last release without leases does with the keys of Do, on the same
// table: it opens the table, works on its own keys, refuses those of Do, and its GC leaves them alone. Then it checks the other
// way round.
func TestHazard_K58_OlderRelease(t *testing.T) {
	t.Parallel()
	if testing.Short() || engine.IsUsual() {
		t.Skip("compiles an older release: name an engine in UPSERT_REQUIRE, or select the test with -run")
	}
	program := buildOlder(t)
	hazards(t, lab.All, func(l *hazardLab) {
		l.leave("leased")
		l.leave("parked")
		_, err := l.do(l.store, "parked", l.notCalled)
		l.wantParked("Do", err)
		_, _ = l.do(l.store, "free", answers("", keys.NotDone(errUnsure)))
		l.lab.Want("Run", l.run(l.store, "new"), "ran new")
		l.lab.Exec("UPDATE idempotency_keys SET expires_at = '2000-01-01 00:00:00.000' WHERE state > 3")

		out, err := exec.CommandContext(l.lab.Context(), program, faults.DriverName(l.lab.NS), l.lab.NS.DSN()).CombinedOutput()
		l.lab.Want("the older process", fmt.Sprint(string(out), err), "leased refused\nparked refused\nfree refused\nnew replayed\nold ran\nremoved 0\n<nil>")

		l.lab.Want("Run of the older process's key", l.run(l.store, "old"), "replayed old")
		l.lab.Want("Release", l.store.Release(l.lab.Context(), hazardKey("parked")), nil)
		l.endLease()
		for _, id := range []string{"leased", "parked", "free"} {
			l.wantDo("Do", id, "ran paid", func(_ context.Context, h *keys.Held) (string, error) {
				l.lab.Want("Fence", h.Fence(), 2)
				return "paid", nil
			}, keys.Rerun())
		}
	})
}
