//go:build !linux

package engine

import (
	"errors"
	"os"
	"syscall"
)

// process is never found here, so that each test binary has a server of its own: there is no /proc that would tell one
// process from another of the same number, and no death signal that would end a killed keeper's server.
type process struct {
	Pid     int
	Started string
}

func processOf(int) (process, bool) { return process{}, false }

func (process) lives() bool { return false }

func detachedAttr() *syscall.SysProcAttr { return nil }

func closeOnExec(int) {}

func isOurs(os.FileInfo) bool { return false }

// has is asked about what scripts/engines installs, and that is for Linux.
func (*account) has(os.FileInfo) bool { return false }

func tryShare(*os.File) error { return errors.ErrUnsupported }

func unlock(*os.File) error { return errors.ErrUnsupported }
