package upserttest

import (
	"os"
	"slices"
	"sync"
	"testing"
)

// scope is the testing.TB that open gets. Its clean-up runs when the database is no longer needed and not only at the end of
// the test, because a test opens hundreds of databases. It embeds the TB because nothing else can be one.
type scope struct {
	testing.TB
	mu       sync.Mutex
	cleanups []func()
}

func (s *scope) Cleanup(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cleanups = append(s.cleanups, f)
}

func (s *scope) TempDir() string {
	s.Helper()
	dir, err := os.MkdirTemp("", "upserttest")
	if err != nil {
		s.Fatalf("upserttest: %v", err)
	}
	s.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			s.Errorf("upserttest: %v", err)
		}
	})
	return dir
}

// end runs the clean-up, last in first out. A function that panics or ends the goroutine does not keep the others from running.
func (s *scope) end() {
	s.mu.Lock()
	all := s.cleanups
	s.cleanups = nil
	s.mu.Unlock()
	slices.Reverse(all)
	runAll(all)
}

func runAll(all []func()) {
	if len(all) == 0 {
		return
	}
	defer runAll(all[1:])
	all[0]()
}
