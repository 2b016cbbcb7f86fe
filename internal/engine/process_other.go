//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd)

package engine

import (
	"errors"
	"os"
	"syscall"
)

// processAttr changes no attribute, because these systems have neither root nor a death signal.
func processAttr(*account, syscall.Signal) *syscall.SysProcAttr { return nil }

// tryLock never takes a lock, so abandoned folders are never removed.
func tryLock(*os.File) error { return errors.ErrUnsupported }
