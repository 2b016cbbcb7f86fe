package engine

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"syscall"
)

// process is a process that no other is taken for: a number is used again, but not by one that started at the same time.
type process struct {
	Pid     int
	Started string // in ticks since the machine started
}

// processOf returns the process, unless it has ended.
func processOf(pid int) (process, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, false
	}
	// The program's name stands in parentheses and may have blanks; field 3 comes after it, and the start is field 22.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 || bytes.Equal(fields[0], []byte("Z")) {
		return process{}, false
	}
	return process{pid, string(fields[19])}, true
}

func (p process) lives() bool {
	now, ok := processOf(p.Pid)
	return ok && now == p
}

// detachedAttr gives a process a session of its own.
func detachedAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

func closeOnExec(fd int) { syscall.CloseOnExec(fd) }

func isOurs(info os.FileInfo) bool { return (*account)(nil).has(info) }

// has reports whether the file is the account's.
func (a *account) has(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if a == nil {
		return ok && int(stat.Uid) == os.Geteuid()
	}
	return ok && stat.Uid == a.uid
}

// tryShare takes a lock that many can have. It returns errLocked if somebody has the whole.
func tryShare(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}

func unlock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
