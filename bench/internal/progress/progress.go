// Package progress tells a person, or a log, how far the program is.
package progress

import (
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Progress counts runs that have ended.
type Progress struct {
	bar   *progressbar.ProgressBar // nil if nobody watches
	start time.Time
}

// New begins at none of so many runs. It draws a bar on standard error if that is a terminal, and else writes lines there.
func New(total int) *Progress {
	p := &Progress{start: time.Now()}
	if term.IsTerminal(int(os.Stderr.Fd())) {
		p.bar = progressbar.NewOptions(total,
			progressbar.OptionSetWriter(os.Stderr), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true),
			progressbar.OptionFullWidth(), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
	}
	return p
}

// Stage says what comes now.
func (p *Progress) Stage(what string) {
	if p.bar != nil {
		p.bar.Describe(what)
		return
	}
	fmt.Fprintf(os.Stderr, "%6.1f s  %s\n", time.Since(p.start).Seconds(), what)
}

// Step says that one run has ended.
func (p *Progress) Step() {
	if p.bar != nil {
		_ = p.bar.Add(1) // it is only a picture
	}
}

// Skip says that so many runs will not take place.
func (p *Progress) Skip(runs int) {
	if p.bar != nil {
		p.bar.ChangeMax(max(p.bar.GetMax()-runs, 1))
	}
}

// Done removes the bar.
func (p *Progress) Done() {
	if p.bar != nil {
		_ = p.bar.Finish() // it is only a picture
	}
}
