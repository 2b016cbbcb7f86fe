package pgxcopy

import (
	"io"
	"sync"
)

// source passes rows to pgx. pgx keeps only the text of an error of rows, and if pgx loses its connection, it returns while a
// Read is still running.
type source struct {
	mu   sync.Mutex // held during each Read
	rows io.Reader
	err  error // the error of rows, other than io.EOF
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

// leave waits for the running Read, prevents any further Read of rows, and returns the error of rows.
func (s *source) leave() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = true
	return s.err
}
