//go:build unix

package verify_test

import (
	"syscall"
	"time"
)

// processorTime returns the processor time that this process has used, its own and the system's.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
