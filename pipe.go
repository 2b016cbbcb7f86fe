package upsert

import (
	"errors"
	"sync"
)

// pipe does the jobs of a call in their order. In the background the server works on one while the caller's goroutine, on
// which all of the caller's own code runs, prepares the next.
type pipe struct {
	jobs     chan func() (rows int, err error) // nil where jobs are done at once
	stopped  chan struct{}                     // the background is at its end
	err      error                             // why, once stopped is closed
	panicked any
	progress func(int64)
	mu       sync.Mutex
	finished []int64 // how many rows were done after each job that progress does not know of yet
	done     int64
}

func newPipe(background bool, progress func(int64)) *pipe {
	p := &pipe{progress: progress}
	if background {
		p.jobs, p.stopped = make(chan func() (int, error), 1), make(chan struct{})
		go p.run()
	}
	return p
}

func (p *pipe) run() {
	defer close(p.stopped)
	defer func() { p.panicked = recover() }()
	p.err = errPipe
	for job := range p.jobs {
		if err := p.do(job); err != nil {
			p.err = err
			return
		}
	}
	p.err = nil
}

// errPipe stays where a driver ends the goroutine.
var errPipe = errors.New("the goroutine that sends statements was ended by what it called")

func (p *pipe) do(job func() (int, error)) error {
	rows, err := job()
	if err == nil && rows > 0 && p.progress != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.done += int64(rows)
		p.finished = append(p.finished, p.done)
	}
	return err
}

// put has a job done, now or after those before it. It returns the error of one that has failed.
func (p *pipe) put(job func() (rows int, err error)) error {
	defer p.tell()
	if p.jobs == nil {
		return p.do(job)
	}
	select {
	case p.jobs <- job:
		return nil
	case <-p.stopped:
		return p.end()
	}
}

// rest waits until the jobs that were put are done, so that the handle is the caller's goroutine's.
func (p *pipe) rest() error {
	if p.jobs == nil {
		return nil
	}
	rested := make(chan struct{})
	if err := p.put(func() (int, error) { close(rested); return 0, nil }); err != nil {
		return err
	}
	select {
	case <-rested:
		return nil
	case <-p.stopped:
		return p.end()
	}
}

// tell calls progress for what has been done, on the caller's goroutine.
func (p *pipe) tell() {
	if p.progress == nil {
		return
	}
	p.mu.Lock()
	told := p.finished
	p.finished = nil
	p.mu.Unlock()
	for _, rows := range told {
		p.progress(rows)
	}
}

// stop waits for the jobs that were put. It may be called twice.
func (p *pipe) stop() error {
	if p.jobs != nil {
		close(p.jobs)
		<-p.stopped
		p.jobs = nil
	}
	p.tell()
	return p.end()
}

// end is how the background has ended.
func (p *pipe) end() error {
	if p.panicked != nil {
		panic(p.panicked)
	}
	return p.err
}
