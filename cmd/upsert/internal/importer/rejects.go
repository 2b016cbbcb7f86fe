package importer

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
)

// reject is a row that was not written.
type reject struct {
	line           int
	column, reason string
	record         string
}

// rejects is the file of -reject.
type rejects struct {
	name string
	file *os.File
	to   *bufio.Writer
	csv  *csv.Writer
	rows int64
}

// openRejects makes the file. It refuses one that is there: that may hold the rows of another run, or be no such file at all.
func openRejects(name string) (*rejects, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("-reject: %s is there already: move it away, or name another file", name)
	}
	if err != nil {
		return nil, fmt.Errorf("-reject: %w", err)
	}
	r := newRejects(name, f)
	r.file = f
	return r, r.sync()
}

func newRejects(name string, to io.Writer) *rejects {
	r := &rejects{name: name, to: bufio.NewWriter(to)}
	r.csv = csv.NewWriter(r.to)
	_ = r.csv.Write([]string{"line", "column", "reason", "record"}) // an error stays until sync
	return r
}

// add writes rows in the order of their lines. They are in the file after sync.
func (r *rejects) add(rows []reject) {
	slices.SortStableFunc(rows, func(a, b reject) int { return a.line - b.line })
	for _, one := range rows {
		_ = r.csv.Write([]string{strconv.Itoa(one.line), one.column, one.reason, one.record}) // as above
	}
	r.rows += int64(len(rows))
}

// sync returns when all rows are on the disk: only then what was written without them may be committed.
func (r *rejects) sync() error {
	r.csv.Flush()
	err := errors.Join(r.csv.Error(), r.to.Flush())
	if err == nil && r.file != nil {
		err = r.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("-reject: %w", err)
	}
	return nil
}

// close ends the file at the end of a run. It stays if it has a row that is to be told of: not if there is none, and not if the
// run has failed and nothing of it is in the table, because then the same command is run again.
// What is left to go wrong here loses nothing: sync has seen to the rows.
func (r *rejects) close(err error, writing bool) {
	_ = r.file.Close()
	if r.rows == 0 || err != nil && !mayHaveWritten(err, writing) {
		_ = os.Remove(r.name)
	}
}

// count is how many rows were rejected.
func (r *rejects) count() int64 {
	if r == nil {
		return 0
	}
	return r.rows
}
