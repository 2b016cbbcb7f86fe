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

// Kill ends this process immediately. Data are not flushed, connections are not closed, and transactions are not rolled back.
// Kill does not return. Only a child process may use Kill as a hook.
func Kill(*Point) error {
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	if err := self.Kill(); err != nil {
		return err
	}
	select {} // the goroutine may run on until the signal ends the process
}

// Exit says how a child ended.
type Exit struct {
	Killed bool // ended by a signal
	report []byte
}

// RunChild runs this test binary again with a single test, and passes a job to the child. encoding/json must be able to encode
// the job. RunChild returns when the child has ended, and fails the test if the child failed.
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
		t.Fatalf("faults: child %s sent no report (does the test exist?): %v\n%s", test, err, out)
	}
	return Exit{report: told}
}

// Report decodes the report of a child that was not killed.
func (e Exit) Report(t testing.TB, into any) {
	t.Helper()
	if e.Killed {
		t.Fatalf("faults: the child was killed; want the child to end by itself")
	}
	if err := json.Unmarshal(e.report, into); err != nil {
		t.Fatalf("faults: report: %v", err)
	}
}

// Job decodes the job if this process is a child. A test that does the work of a child returns at once if ok is false. The test
// ends with a call of report. encoding/json must be able to encode the argument of report.
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
