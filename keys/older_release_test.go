package keys_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

// lastWithoutLeases is the last commit whose package keys has no leases.
const lastWithoutLeases = "50041388"

// olderProgram is a program of the release without leases. It prints what it does to the keys of the test.
const olderProgram = "testdata/older_release.go.txt"

// buildOlder builds olderProgram at the commit lastWithoutLeases. It needs the history of the repository.
func buildOlder(t *testing.T) (program string) {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "source")
	run := func(where, name string, args ...string) error {
		c := exec.CommandContext(t.Context(), name, args...)
		c.Dir = where
		c.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
		out, err := c.CombinedOutput()
		if err != nil {
			t.Logf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return err
	}
	if run("..", "git", "archive", "-o", filepath.Join(dir, "source.tar"), lastWithoutLeases) != nil {
		t.Skip("the commit is not in the history of this checkout")
	}
	text, err := os.ReadFile(olderProgram)
	if err != nil {
		t.Fatal(err)
	}
	main := filepath.Join(source, "cmd", "olderprocess")
	if err := os.MkdirAll(main, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := run(dir, "tar", "-xf", "source.tar", "-C", source); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(source, "cmd", "upsert", "go.mod")); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(source, "internal", "olderprocess"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(source, "internal", "olderprocess", "main.go"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	program = filepath.Join(dir, "older")
	if err := run(source, "go", "build", "-o", program, "./internal/olderprocess"); err != nil {
		t.Fatal(err)
	}
	return program
}
