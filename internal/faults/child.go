package faults

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const (
	jobEnv    = "UPSERT_FAULTS_JOB"
	reportEnv = "UPSERT_FAULTS_REPORT"
)

// Kill ends this process at once, with nothing flushed, closed or rolled back. It does not return. As a hook it is for
// children only.
func Kill(*Point) error {
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	if err := self.Kill(); err != nil {
		return err
	}
	select {} // the signal comes to the process, not to this goroutine
}

// Exit is how a child ended.
type Exit struct {
	Killed bool // by a signal, and not by itself
	report []byte
}

// RunChild runs this test binary again, only the test of that name, with a job that encoding/json can carry. It returns
// when the child has ended, and fails the test if the child failed.
func RunChild(t testing.TB, test string, job any) Exit {
	t.Helper()
	text, err := json.Marshal(job)
	if err != nil {
		t.Fatalf("faults: job of %s: %v", test, err)
	}
	report := filepath.Join(t.TempDir(), "report")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$", "-test.count=1", "-test.timeout=2m")
	cmd.Env = append(os.Environ(), jobEnv+"="+string(text), reportEnv+"="+report)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == -1 {
		return Exit{Killed: true}
	}
	if err != nil {
		t.Fatalf("faults: child %s: %v\n%s", test, err, out)
	}
	told, err := os.ReadFile(report)
	if err != nil {
		t.Fatalf("faults: child %s reported nothing (is there such a test?): %v\n%s", test, err, out)
	}
	return Exit{report: told}
}

// Report reads what a child reported that was not killed.
func (e Exit) Report(t testing.TB, into any) {
	t.Helper()
	if e.Killed {
		t.Fatalf("faults: the child was killed; want it to reach its end")
	}
	if err := json.Unmarshal(e.report, into); err != nil {
		t.Fatalf("faults: report: %v", err)
	}
}

// Job reads the job if this process is a child. A test that does a child's work returns at once where ok is false. It
// ends with report, which carries what encoding/json can.
func Job(t testing.TB, into any) (report func(any), ok bool) {
	t.Helper()
	text, ok := os.LookupEnv(jobEnv)
	if !ok {
		return nil, false
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("faults: job: %v", err)
	}
	return func(v any) {
		told, err := json.Marshal(v)
		if err == nil {
			err = os.WriteFile(os.Getenv(reportEnv), told, 0o600)
		}
		if err != nil {
			t.Errorf("faults: report: %v", err)
		}
	}, true
}
