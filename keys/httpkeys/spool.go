package httpkeys

import (
	"bytes"
	"io"
	"os"
)

// spool holds the body of a response: in memory up to a limit, and above the limit in a temporary file.
type spool struct {
	memory bytes.Buffer
	file   *os.File
	size   int64
}

// add appends p. limit is how many bytes are held in memory.
func (s *spool) add(p []byte, limit int64) error {
	if s.file == nil && s.size+int64(len(p)) > limit {
		if err := s.moveToFile(); err != nil {
			return err
		}
	}
	s.size += int64(len(p))
	if s.file == nil {
		s.memory.Write(p)
		return nil
	}
	_, err := s.file.Write(p)
	return err
}

func (s *spool) moveToFile() (err error) {
	if s.file, err = os.CreateTemp("", "httpkeys-*"); err != nil {
		return err
	}
	_, err = s.memory.WriteTo(s.file)
	s.memory = bytes.Buffer{}
	return err
}

// sendTo writes the body.
func (s *spool) sendTo(w io.Writer) error {
	if s.file == nil {
		_, err := w.Write(s.memory.Bytes())
		return err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := io.Copy(w, s.file)
	return err
}

// start returns the first bytes of the body, at most n.
func (s *spool) start(n int) []byte {
	start := s.memory.Bytes()
	if s.file != nil {
		start = make([]byte, n)
		read, _ := s.file.ReadAt(start, 0) // at the end of a short file, an error comes with what was read
		start = start[:read]
	}
	return start[:min(n, len(start))]
}

// remove removes the file, if any.
func (s *spool) remove() {
	if s.file != nil {
		s.file.Close()
		_ = os.Remove(s.file.Name()) // a file that cannot be removed is left to the system, as its name says
		s.file = nil
	}
}
