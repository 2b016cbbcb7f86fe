package pipeline_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"

	"github.com/goupsert/upsert/internal/pipeline"
)

var errJob = errors.New("the job failed")

// each runs f with a pipeline that is concurrent and with one that is not.
func each(t *testing.T, f func(t *testing.T, concurrent bool)) {
	t.Helper()
	for _, concurrent := range []bool{false, true} {
		t.Run(fmt.Sprint(concurrent), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { f(t, concurrent) }) // it fails if a goroutine is left
		})
	}
}

func TestJobsRunInTheirOrderUntilOneFails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, concurrent bool) {
		var ran []int
		var told []int64
		p := pipeline.New(concurrent, func(rows int64) { told = append(told, rows) })
		var err error
		for i := 0; err == nil; i++ {
			err = p.Submit(func() (int, error) {
				if ran = append(ran, i); i == 3 {
					return 0, errJob
				}
				return 10, nil
			})
		}
		if end := p.Close(); concurrent && !errors.Is(end, errJob) || !errors.Is(err, errJob) {
			t.Errorf("Submit: %v, Close: %v; want the job's error", err, end)
		}
		if got := fmt.Sprint(ran, told); got != "[0 1 2 3] [10 20 30]" {
			t.Errorf("jobs and progress: %s, want four jobs, and the rows of three", got)
		}
	})
}

// TestStreamOfAJobThatIsNeverRunIsReleased: the writer would wait for ever for a reader.
func TestStreamOfAJobThatIsNeverRunIsReleased(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := pipeline.New(true, nil)
		fail := make(chan struct{})
		if err := p.Submit(func() (int, error) { <-fail; return 0, errJob }); err != nil {
			t.Fatalf("Submit: %v", err)
		}
		synctest.Wait()
		s := p.NewStream(1)
		if err := p.Submit(func() (int, error) { t.Error("a job ran after one that failed"); return 0, nil }); err != nil {
			t.Fatalf("Submit beside the first job: %v", err)
		}
		close(fail)
		var err error
		for n := 0; err == nil && n < 1000; n++ {
			err = s.WriteBlock([]byte("row\n"))
		}
		s.CloseWrite(nil)
		if end := p.Close(); !errors.Is(err, pipeline.ErrUnread) || !errors.Is(end, errJob) {
			t.Errorf("WriteBlock: %v, Close: %v; want ErrUnread and the job's error", err, end)
		}
	})
}

// TestStreamEndsWithTheFirstReason: CloseWrite is deferred for callers that panic.
func TestStreamEndsWithTheFirstReason(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, concurrent bool) {
		p := pipeline.New(concurrent, nil)
		s := p.NewStream(2)
		if err := s.WriteBlock([]byte("row\n")); err != nil {
			t.Fatalf("WriteBlock: %v", err)
		}
		s.CloseWrite(errJob)
		s.CloseWrite(nil)
		err := p.Submit(func() (int, error) {
			defer s.CloseRead()
			all, err := io.ReadAll(s)
			if string(all) != "row\n" {
				t.Errorf("the reader got %q, want the row", all)
			}
			return 0, err
		})
		if end := p.Close(); !errors.Is(errors.Join(err, end), errJob) {
			t.Errorf("Submit: %v, Close: %v; want the reason that was given first", err, end)
		}
	})
}

func TestPanicOfAJobReachesTheCaller(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, concurrent bool) {
		p := pipeline.New(concurrent, nil)
		defer p.Abort()
		defer func() {
			if got := recover(); got != errJob { //nolint:errorlint // a panic's value
				t.Errorf("recovered %v, want what the job panicked with", got)
			}
		}()
		_ = p.Submit(func() (int, error) { panic(errJob) })
		_ = p.Close()
	})
}

// TestAbortRunsNoJobThatWaits: a caller who panics has no use for what it has submitted.
func TestAbortRunsNoJobThatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := pipeline.New(true, nil)
		release, done := make(chan struct{}), make(chan struct{})
		_ = p.Submit(func() (int, error) { <-release; return 0, nil })
		synctest.Wait()
		_ = p.Submit(func() (int, error) { t.Error("a job ran after Abort"); return 0, nil })
		go func() { defer close(done); p.Abort() }()
		synctest.Wait()
		select {
		case <-done:
			t.Error("Abort did not wait for the job that runs")
		default:
		}
		close(release)
		<-done
	})
}
