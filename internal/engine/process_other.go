//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd)

package engine

import (
	"errors"
	"os"
	"syscall"
)

// processAttr leaves the process as it is: there is no root here, and no death signal.
func processAttr(*account, syscall.Signal) *syscall.SysProcAttr { return nil }

// tryLock takes no lock, so that nothing left behind is ever removed.
func tryLock(*os.File) error { return errors.ErrUnsupported }
