package engine_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestMissingEngine runs one test again in a process whose only missing engine is mysql, which is never started.
func TestMissingEngine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, require, dsn string
		code               int
		want               []string
	}{
		{
			name: "is skipped", code: 0,
			want: []string{"--- SKIP: TestNamespacesAreIsolated/mysql", "engine mysql: SKIPPED: UPSERT_MYSQL_DSN is not set"},
		},
		{
			name: "fails when it is required", require: "sqlite, mysql", code: 1,
			want: []string{
				"--- FAIL: TestNamespacesAreIsolated/mysql", "required by UPSERT_REQUIRE, but UPSERT_MYSQL_DSN is not set",
			},
		},
		{
			name: "fails when the name is unknown", require: "mysq", code: 2,
			want: []string{`UPSERT_REQUIRE names "mysq"`, "sqlite, postgres, postgres18, mariadb, mysql57, mysql"},
		},
		{
			name: "fails when its DSN does not answer", dsn: "root@tcp(127.0.0.1:1)/", code: 1,
			want: []string{"--- FAIL: TestNamespacesAreIsolated/mysql", "engine mysql: UPSERT_MYSQL_DSN: dial tcp 127.0.0.1:1"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out, code := testBinary(t, "^TestNamespacesAreIsolated$/^mysql$", "UPSERT_REQUIRE="+c.require, "UPSERT_MYSQL_DSN="+c.dsn)
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %q", want)
				}
			}
			if t.Failed() {
				t.Log(out)
			}
		})
	}
}

// testBinary runs tests of this very test binary in a process of their own.
func testBinary(t *testing.T, run string, env ...string) (out string, code int) {
	t.Helper()
	var b bytes.Buffer
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run="+run)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &b, &b
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return b.String(), cmd.ProcessState.ExitCode()
}
