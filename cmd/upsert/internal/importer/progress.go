package importer

import (
	"fmt"
	"io"
	"time"

	"github.com/goupsert/upsert/cmd/upsert/internal/progress"
	"github.com/goupsert/upsert/internal/words"
)

// passes says on stderr how far a pass over the file is.
type passes struct {
	display *progress.Progress
	now     func() time.Time
	in      *input
	doing   string
	began   time.Time
}

func newPasses(out io.Writer, now func() time.Time, quiet bool) *passes {
	return &passes{display: progress.New(out, "upsert import", now, quiet), now: now}
}

// start begins one pass over a file.
func (p *passes) start(doing string, in *input) {
	p.in, p.doing, p.began = in, doing, p.now()
	p.display.Start(in.size)
}

// rows says that so many rows of the pass are done.
func (p *passes) rows(rows int64) {
	if p.display.Due() {
		p.display.Show(p.in.bytes.Load(), fmt.Sprintf("%s: %s, %s", p.doing, words.Count(int(rows), "row"), perSecond(rows, p.now().Sub(p.began))))
	}
}

// stop takes the line about the pass away.
func (p *passes) stop() { p.display.Stop() }
