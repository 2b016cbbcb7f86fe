// Package pipeline runs the jobs of a call in their order, beside the caller if that is wanted, and streams rows to them.
package pipeline

import (
	"errors"
	"sync"
	"sync/atomic"
)

// Job does a part of a call's work and returns how many rows are done with it.
type Job func() (rows int, err error)

// Pipeline runs jobs in the order in which they are submitted. A concurrent one has a goroutine on which the server works on one
// job while the caller's goroutine, on which all of the caller's own code runs, prepares the next.
type Pipeline struct {
	jobs     chan Job      // nil if jobs run at once
	ended    chan struct{} // closed when the goroutine is at its end
	err      error         // why, once ended is closed
	panicked any
	aborted  atomic.Bool
	progress func(int64)
	mu       sync.Mutex
	finished []int64 // how many rows were done after each job that progress does not know of yet
	done     int64
}

// New returns a pipeline, whose Close must be called. progress is called on the goroutine that calls the pipeline's methods, with
// the number of rows that are done after a job. It may be nil.
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

// errExited stays if a driver ends the goroutine.
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

// Submit has a job run, now or after those before it. It returns the error of a job that has failed, after which no other one
// runs.
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
	case <-p.ended: // there may be room for the job all the same
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

// Wait returns once the submitted jobs are done, so that the caller's goroutine may use what they use.
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

// report calls progress for what has been done, on the caller's goroutine.
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

// Close waits for the submitted jobs and returns the error of one that has failed. It may be called twice.
func (p *Pipeline) Close() error {
	p.stop()
	p.report()
	return p.end()
}

// Abort waits for the job that is running, and has those after it not run. It is for a caller that has no use for them any more.
// It may be called after Close.
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

// end is how the goroutine has ended.
func (p *Pipeline) end() error {
	if p.panicked != nil {
		panic(p.panicked)
	}
	return p.err
}
