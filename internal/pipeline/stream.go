package pipeline

import (
	"errors"
	"io"
)

// Stream is rows in the text form on their way from the goroutine that writes them to the one that sends them.
type Stream struct {
	blocks  chan []byte   // whole lines each
	reading chan struct{} // closed when nobody reads any more
	written chan struct{} // closed when there are no more
	err     error         // why the rows end early, once blocks is closed
	rest    []byte
}

// ErrUnread is what the writer of a stream is told if its reader has gone.
var ErrUnread = errors.New("the rows were not all read")

// NewStream returns a stream for a reader that runs beside the writer, or, with room for all blocks, after the writer.
func NewStream(blocks int) *Stream {
	return &Stream{blocks: make(chan []byte, blocks), reading: make(chan struct{}), written: make(chan struct{})}
}

// WriteBlock hands over whole lines, which are the reader's from now on.
func (s *Stream) WriteBlock(block []byte) error {
	select {
	case s.blocks <- block:
		return nil
	case <-s.reading:
		return ErrUnread
	}
}

// CloseWrite says that there are no more rows, or no more for that reason.
func (s *Stream) CloseWrite(err error) {
	s.err = err
	close(s.blocks)
	close(s.written)
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
	close(s.reading)
	<-s.written
}
