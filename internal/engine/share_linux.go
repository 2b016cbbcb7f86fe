package engine

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"syscall"
)

// process identifies a process unambiguously. The system reuses process IDs, but not with the same start time.
type process struct {
	Pid     int
	Started string // in ticks since the machine started
}

// processOf returns the process with the given ID, unless the process has ended.
func processOf(pid int) (process, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, false
	}
	// The program's name is in parentheses and may contain spaces. Field 3 follows the name, and the start time is field 22.
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

// detachedAttr starts a process in a session of its own.
func detachedAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

func closeOnExec(fd int) { syscall.CloseOnExec(fd) }

func isOurs(info os.FileInfo) bool { return (*account)(nil).has(info) }

// has reports whether the file belongs to the account.
func (a *account) has(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if a == nil {
		return ok && int(stat.Uid) == os.Geteuid()
	}
	return ok && stat.Uid == a.uid
}

// tryShare takes a shared lock. It returns errLocked if another process has an exclusive lock.
func tryShare(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}

func unlock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
