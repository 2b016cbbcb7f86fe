//go:build unix

package importer

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// fileLimit bounds the size of the files that the child writes, which is to it what a full disk is.
const fileLimit = "IMPORTER_TEST_FILE_LIMIT"

func init() {
	if n, err := strconv.ParseUint(os.Getenv(fileLimit), 10, 64); err == nil {
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: n}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(9)
		}
	}
}

func TestRun_FullDiskLeavesNoDatabase(t *testing.T) {
	t.Parallel()
	for _, params := range []string{"", "?_journal_mode=WAL"} {
		folder := t.TempDir()
		c := startChild(t, filepath.Join(folder, "x.db")+params, fileLimit+"=200000")
		// The child may end before it has read all.
		go func() {
			defer func() { _ = c.stdin.Close() }()
			_, _ = c.stdin.Write([]byte(strings.TrimPrefix(manyRows(50_000), "id,n\n")))
		}()
		code, errs := c.end(t)
		if code != 1 || !strings.Contains(errs, "nothing was written") {
			t.Fatalf("ended with %d, stderr %q; want 1 and that nothing was written", code, errs)
		}
		t.Log(errs)
		wantNoFiles(t, folder)
	}
}
