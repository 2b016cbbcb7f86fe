// Package memory measures how much memory a sequence of rows takes on its way to the database, in a process of its own.
package memory

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"time"

	_ "github.com/go-sql-driver/mysql" // driver "mysql"
	"github.com/goupsert/upsert/bench/internal/peer"
	"github.com/goupsert/upsert/bench/internal/row"
	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	_ "github.com/lib/pq"              // driver "postgres"
	_ "github.com/mattn/go-sqlite3"    // driver "sqlite3"
)

// Job is a sequence to be written into an empty table.
type Job struct {
	Driver, DSN string
	Rows        int
}

// Usage is what a job took.
type Usage struct {
	Way    string
	Engine string
	Rows   int
	Before int64 // bytes: the greatest resident size of the process before the first row, or 0 if the system does not tell
	Peak   int64 // and after the last
	Took   time.Duration
}

const jobEnv = "UPSERT_BENCH_JOB"

// Run starts this program again as a child that does the job.
func Run(ctx context.Context, job Job) (u Usage, err error) {
	text, err := json.Marshal(job)
	if err != nil {
		return u, err
	}
	self, err := os.Executable()
	if err != nil {
		return u, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), jobEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return u, fmt.Errorf("the child that writes %d rows: %w", job.Rows, err)
	}
	return u, json.Unmarshal(out, &u)
}

// Child does the job if this process is a child, and tells whether it is. A program calls Child first, with the writer of the
// job's report.
func Child(ctx context.Context) (is bool, err error) {
	text, is := os.LookupEnv(jobEnv)
	if !is {
		return false, nil
	}
	var job Job
	if err := json.Unmarshal([]byte(text), &job); err != nil {
		return true, err
	}
	u, err := job.do(ctx)
	if err != nil {
		return true, err
	}
	return true, json.NewEncoder(os.Stdout).Encode(u)
}

func (job Job) do(ctx context.Context) (u Usage, err error) {
	db, err := sql.Open(job.Driver, job.DSN)
	if err != nil {
		return u, err
	}
	defer db.Close()
	table, err := peer.NewTable[row.Account](ctx, db)
	if err != nil {
		return u, err
	}
	if u.Before, err = peak(); err != nil {
		return u, err
	}
	start := time.Now()
	if _, err := table.PutSeq(ctx, db, sequence(job.Rows)); err != nil {
		return u, err
	}
	u.Rows, u.Took = job.Rows, time.Since(start)
	u.Peak, err = peak()
	return u, err
}

func sequence(n int) iter.Seq2[row.Account, error] {
	return func(yield func(row.Account, error) bool) {
		for i := range n {
			if !yield(row.NewAccount(i+1, row.Fresh), nil) {
				return
			}
		}
	}
}
