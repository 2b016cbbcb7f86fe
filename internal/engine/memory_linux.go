package engine

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

const (
	memoryFolder = "/dev/shm"
	tmpfsMagic   = 0x01021994

	// plenty is several times the space that the servers of the tests use.
	plenty = 4 << 30
)

// memoryFolders returns the folder that keeps files in memory, if the machine has such a folder and enough free memory.
func memoryFolders() []string {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(memoryFolder, &fs); err != nil || fs.Type != tmpfsMagic {
		return nil
	}
	if fs.Bavail < plenty/uint64(fs.Bsize) || availableMemory() < plenty {
		return nil
	}
	return []string{memoryFolder}
}

// availableMemory returns how many bytes programs can still allocate, or 0 if the number is unknown.
func availableMemory() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(text) {
		rest, ok := bytes.CutPrefix(line, []byte("MemAvailable:"))
		if fields := bytes.Fields(rest); ok && len(fields) > 0 {
			kib, _ := strconv.ParseInt(string(fields[0]), 10, 64)
			return kib << 10
		}
	}
	return 0
}
