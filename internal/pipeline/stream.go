package pipeline

import (
	"errors"
	"io"
	"sync"
)

// Stream carries rows in text form from the caller's goroutine to the job that sends them.
type Stream struct {
	blocks  chan []byte     // each holds whole lines
	left    chan struct{}   // closed when the job no longer reads
	ended   <-chan struct{} // closed when the pipeline has ended, and no longer runs jobs
	written chan struct{}   // closed when there are no more rows
	once    sync.Once
	err     error // why the rows end early, once blocks is closed
	rest    []byte
}

// ErrUnread is returned to the writer of a stream if the reader has stopped reading.
var ErrUnread = errors.New("the rows were not all read")

// blocksBeside is the capacity of a stream whose reader runs beside the writer.
const blocksBeside = 16

// NewStream returns a stream for a job of the pipeline. If jobs do not run beside the caller, the stream is written before the
// job is submitted, so the stream has room for as many blocks as may come.
func (p *Pipeline) NewStream(blocks int) *Stream {
	if p.Concurrent() {
		blocks = blocksBeside
	}
	return &Stream{blocks: make(chan []byte, blocks), left: make(chan struct{}), ended: p.ended, written: make(chan struct{})}
}

// WriteBlock passes on whole lines, which belong to the reader from now on. If no job will read them, WriteBlock returns
// ErrUnread.
func (s *Stream) WriteBlock(block []byte) error {
	select {
	case s.blocks <- block:
		return nil
	case <-s.left:
		return ErrUnread
	case <-s.ended: // before the job was run
		return ErrUnread
	}
}

// CloseWrite says that there are no more rows, and with an error why the rows end early. Only the first call counts, so a
// caller whose code may panic can defer another call.
func (s *Stream) CloseWrite(err error) {
	s.once.Do(func() {
		s.err = err
		close(s.blocks)
		close(s.written)
	})
}

// ReadBlock returns the next block. After the last block it returns io.EOF, or the error that says why the rows end early.
func (s *Stream) ReadBlock() ([]byte, error) {
	block, ok := <-s.blocks
	switch {
	case ok:
		return block, nil
	case s.err != nil:
		return nil, s.err
	}
	return nil, io.EOF
}

// Read implements io.Reader.
func (s *Stream) Read(p []byte) (n int, err error) {
	if len(s.rest) == 0 {
		if s.rest, err = s.ReadBlock(); err != nil {
			return 0, err
		}
	}
	n = copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// CloseRead says that nobody reads any more, and waits until the writer is done.
func (s *Stream) CloseRead() {
	close(s.left)
	<-s.written
}
