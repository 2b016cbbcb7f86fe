package upsert

import (
	"errors"
	"io"
)

// linesSize is about how many bytes of rows are streamed at once.
const linesSize = 60 << 10

// lines is rows in the text form on their way from the goroutine that writes them to the one that streams them.
type lines struct {
	blocks  chan []byte   // whole lines each
	reading chan struct{} // closed when nobody reads any more
	written chan struct{} // closed when there are no more
	err     error         // why the rows end early, once blocks is closed
	rest    []byte
}

var errUnread = errors.New("the rows were not all read")

// newLines returns lines for a reader that runs beside their writer, or, with room for all blocks, after it.
func newLines(blocks int) *lines {
	return &lines{blocks: make(chan []byte, blocks), reading: make(chan struct{}), written: make(chan struct{})}
}

// push hands over a block, which is the reader's from now on.
func (l *lines) push(block []byte) error {
	select {
	case l.blocks <- block:
		return nil
	case <-l.reading:
		return errUnread
	}
}

// end says that there are no more, or no more for that reason.
func (l *lines) end(err error) {
	l.err = err
	close(l.blocks)
	close(l.written)
}

// next returns the next block, or io.EOF or why the rows end early.
func (l *lines) next() ([]byte, error) {
	block, ok := <-l.blocks
	switch {
	case ok:
		return block, nil
	case l.err != nil:
		return nil, l.err
	}
	return nil, io.EOF
}

// Read implements io.Reader.
func (l *lines) Read(p []byte) (n int, err error) {
	if len(l.rest) == 0 {
		if l.rest, err = l.next(); err != nil {
			return 0, err
		}
	}
	n = copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// leave says that nobody reads any more, and waits for the writer to be done.
func (l *lines) leave() {
	close(l.reading)
	<-l.written
}
