package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

const (
	// barEvery is how often a terminal's bar is drawn, lineEvery how often a line is written elsewhere.
	barEvery  = 100 * time.Millisecond
	lineEvery = 2 * time.Second
)

// progress says on stderr how far the program is: a bar on a terminal, now and then a line elsewhere.
type progress struct {
	out   io.Writer
	now   func() time.Time
	every time.Duration
	bar   *progressbar.ProgressBar

	in          *input
	doing       string
	began, next time.Time
}

// newProgress looks at what out is; quiet writes nothing.
func newProgress(out io.Writer, now func() time.Time, quiet bool) *progress {
	p := &progress{out: out, now: now, every: lineEvery}
	if quiet {
		p.out = nil
	} else if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.every = barEvery
	}
	return p
}

// start begins one pass over a file.
func (p *progress) start(doing string, in *input) {
	p.in, p.doing, p.began = in, doing, p.now()
	p.next = p.began.Add(p.every)
	if p.out == nil || p.every != barEvery {
		return
	}
	p.bar = progressbar.NewOptions64(in.size, progressbar.OptionSetWriter(p.out), progressbar.OptionSetWidth(barWidth(p.out)),
		progressbar.OptionShowDescriptionAtLineEnd(), progressbar.OptionSetElapsedTime(in.size < 0), progressbar.OptionUseANSICodes(true),
		// Describe draws, and Set64 may draw: half the time between them makes it once.
		progressbar.OptionThrottle(barEvery/2), progressbar.OptionSetSpinnerChangeInterval(0))
}

// barWidth leaves room for the rest of the line: one that wraps is not drawn over, but again and again.
func barWidth(out io.Writer) int {
	const rest, most = 62, 40
	f, ok := out.(*os.File)
	if !ok {
		return most
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return most
	}
	return max(1, min(columns-rest, most))
}

// rows says that so many rows of the pass are done.
func (p *progress) rows(rows int64) {
	if p.out == nil {
		return
	}
	now := p.now()
	if now.Before(p.next) {
		return
	}
	p.next = now.Add(p.every)
	done := fmt.Sprintf("%s: %s, %s", p.doing, count(int(rows), "row"), perSecond(rows, now.Sub(p.began)))
	read := p.in.bytes.Load()
	if p.bar != nil {
		p.bar.Describe(done)
		_ = p.bar.Set64(read)
		return
	}
	if p.in.size > 0 {
		done += fmt.Sprintf(", %d%%", read*100/p.in.size)
	}
	fmt.Fprintf(p.out, "importer: %s\n", done)
}

// stop takes the bar off the screen: the report stands for it.
func (p *progress) stop() {
	if p.bar == nil {
		return
	}
	_ = p.bar.Clear()
	_ = p.bar.Exit()
	p.bar = nil
}
