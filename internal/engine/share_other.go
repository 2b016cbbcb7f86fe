//go:build !linux

package engine

import (
	"errors"
	"os"
	"syscall"
)

// process is never found on these systems, so each test binary has servers of its own. There is no /proc to distinguish processes
// with the same ID, and no death signal to end the server of a killed keeper.
type process struct {
	Pid     int
	Started string
}

func processOf(int) (process, bool) { return process{}, false }

func (process) lives() bool { return false }

func detachedAttr() *syscall.SysProcAttr { return nil }

func closeOnExec(int) {}

func isOurs(os.FileInfo) bool { return false }

// has always returns false, because it is asked only about files of scripts/engines, which exist only on Linux.
func (*account) has(os.FileInfo) bool { return false }

func tryShare(*os.File) error { return errors.ErrUnsupported }

func unlock(*os.File) error { return errors.ErrUnsupported }
