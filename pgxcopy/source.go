package pgxcopy

import (
	"io"
	"sync"
)

// source is rows as pgx reads them. pgx keeps only the text of their error, and where its connection is lost it returns with
// a Read under way.
type source struct {
	mu   sync.Mutex // held through each Read
	rows io.Reader
	err  error // of rows, other than io.EOF
	left bool
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left {
		return 0, io.ErrClosedPipe
	}
	n, err := s.rows.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// leave waits for the Read that is under way, has rows not be read any more, and returns their error.
func (s *source) leave() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = true
	return s.err
}
