// Package pipeline runs the jobs of a call in order, beside the caller if the caller wants this, and streams rows to the jobs.
package pipeline

import (
	"errors"
	"sync"
	"sync/atomic"
)

// Job does a part of a call's work and returns how many rows are finished with this part.
type Job func() (rows int, err error)

// Pipeline runs jobs in the order in which they are submitted. A concurrent Pipeline runs the jobs on a goroutine of its own:
// the server works on one job while the caller's goroutine prepares the next job. All of the caller's own code runs on the
// caller's goroutine.
type Pipeline struct {
	jobs     chan Job      // nil if jobs run at once
	ended    chan struct{} // closed when the goroutine has ended
	err      error         // why the goroutine has ended, once ended is closed
	panicked any
	aborted  atomic.Bool
	progress func(int64)
	mu       sync.Mutex
	finished []int64 // how many rows were done after each job that progress has not been told of
	done     int64
}

// New returns a pipeline, whose Close must be called. progress is called with the number of rows that are done after a job, on
// the goroutine that calls the pipeline's methods. progress may be nil.
func New(concurrent bool, progress func(rows int64)) *Pipeline {
	p := &Pipeline{progress: progress}
	if concurrent {
		p.jobs, p.ended = make(chan Job, 1), make(chan struct{})
		go p.run()
	}
	return p
}

// Concurrent reports whether jobs run beside the caller.
func (p *Pipeline) Concurrent() bool { return p.jobs != nil }

func (p *Pipeline) run() {
	defer close(p.ended)
	defer func() { p.panicked = recover() }()
	p.err = errExited
	for job := range p.jobs {
		if p.aborted.Load() {
			break
		}
		if err := p.do(job); err != nil {
			p.err = err
			return
		}
	}
	p.err = nil
}

// errExited remains the error if a driver ends the goroutine.
var errExited = errors.New("the goroutine that sends statements was ended by what it called")

func (p *Pipeline) do(job Job) error {
	rows, err := job()
	if err == nil && rows > 0 && p.progress != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.done += int64(rows)
		p.finished = append(p.finished, p.done)
	}
	return err
}

// Submit runs a job, now or after the jobs before. If a job has failed, Submit returns the job's error, and no other job runs.
func (p *Pipeline) Submit(job Job) error {
	err := p.submit(job)
	p.report()
	return err
}

func (p *Pipeline) submit(job Job) error {
	if p.jobs == nil {
		return p.do(job)
	}
	select {
	case <-p.ended: // jobs may still have room for the job
		return p.end()
	default:
	}
	select {
	case p.jobs <- job:
		return nil
	case <-p.ended:
		return p.end()
	}
}

// Wait returns once the submitted jobs are done, so that the caller's goroutine may use the jobs' data. Wait returns the error
// of a failed job.
func (p *Pipeline) Wait() error {
	if p.jobs == nil {
		return nil
	}
	rested := make(chan struct{})
	if err := p.Submit(func() (int, error) { close(rested); return 0, nil }); err != nil {
		return err
	}
	select {
	case <-rested:
		return nil
	case <-p.ended:
		return p.end()
	}
}

// report calls progress for the finished jobs, on the caller's goroutine.
func (p *Pipeline) report() {
	if p.progress == nil {
		return
	}
	p.mu.Lock()
	finished := p.finished
	p.finished = nil
	p.mu.Unlock()
	for _, rows := range finished {
		p.progress(rows)
	}
}

// Close waits for the submitted jobs and returns the error of a failed job. Close may be called twice.
func (p *Pipeline) Close() error {
	p.stop()
	p.report()
	return p.end()
}

// Abort waits for the running job and drops the jobs after it. Abort is for a caller who no longer needs these jobs, and may be
// called after Close.
func (p *Pipeline) Abort() {
	p.aborted.Store(true)
	p.stop()
}

func (p *Pipeline) stop() {
	if p.jobs != nil {
		close(p.jobs)
		<-p.ended
		p.jobs = nil
	}
}

// end returns the error with which the goroutine has ended, or repeats its panic.
func (p *Pipeline) end() error {
	if p.panicked != nil {
		panic(p.panicked)
	}
	return p.err
}
