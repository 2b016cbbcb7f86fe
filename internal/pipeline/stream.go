package pipeline

import (
	"errors"
	"io"
	"sync"
)

// Stream is rows in the text form on their way from the caller's goroutine to the job that sends them.
type Stream struct {
	blocks  chan []byte     // whole lines each
	left    chan struct{}   // closed when the job does not read any more
	ended   <-chan struct{} // closed when the pipeline has ended, and runs no job any more
	written chan struct{}   // closed when there are no more rows
	once    sync.Once
	err     error // why the rows end early, once blocks is closed
	rest    []byte
}

// ErrUnread is what the writer of a stream is told if its reader has gone.
var ErrUnread = errors.New("the rows were not all read")

// blocksBeside is the room of a stream whose reader runs beside the writer.
const blocksBeside = 16

// NewStream returns a stream for a job of the pipeline. Unless jobs run beside the caller, the stream is written before the job is
// submitted, and so has room for as many blocks as may come.
func (p *Pipeline) NewStream(blocks int) *Stream {
	if p.Concurrent() {
		blocks = blocksBeside
	}
	return &Stream{blocks: make(chan []byte, blocks), left: make(chan struct{}), ended: p.ended, written: make(chan struct{})}
}

// WriteBlock hands over whole lines, which are the reader's from now on. It returns ErrUnread if no job will read them.
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

// CloseWrite says that there are no more rows, or no more for that reason. Only the first call counts, so that one can be
// deferred for a caller whose code panics.
func (s *Stream) CloseWrite(err error) {
	s.once.Do(func() {
		s.err = err
		close(s.blocks)
		close(s.written)
	})
}

// ReadBlock returns the next block, or io.EOF or why the rows end early.
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

// CloseRead says that nobody reads any more, and waits for the writer to be done.
func (s *Stream) CloseRead() {
	close(s.left)
	<-s.written
}
