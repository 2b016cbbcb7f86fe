// Package progress says how far the command is: a bar on a terminal, now and then a line elsewhere.
package progress

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

// Progress is used from one goroutine. A nil one says nothing.
type Progress struct {
	out     io.Writer
	program string
	now     func() time.Time
	every   time.Duration
	bar     *progressbar.ProgressBar
	total   int64
	next    time.Time
}

// New returns what writes to out, which it looks at; lines begin with the program's name. With quiet it writes nothing.
func New(out io.Writer, program string, now func() time.Time, quiet bool) *Progress {
	if quiet {
		return nil
	}
	p := &Progress{out: out, program: program, now: now, every: lineEvery}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.every = barEvery
	}
	return p
}

// Start begins something that ends when total is reached, or when nobody knows (-1).
func (p *Progress) Start(total int64) {
	if p == nil {
		return
	}
	p.total, p.next = total, p.now().Add(p.every)
	if p.every != barEvery {
		return
	}
	p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(p.out), progressbar.OptionSetWidth(barWidth(p.out)),
		progressbar.OptionShowDescriptionAtLineEnd(), progressbar.OptionSetElapsedTime(total < 0), progressbar.OptionUseANSICodes(true),
		progressbar.OptionSetSpinnerChangeInterval(0))
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

// Due tells whether it is time for the next Show. It returns true once each time.
func (p *Progress) Due() bool {
	if p == nil {
		return false
	}
	now := p.now()
	if now.Before(p.next) {
		return false
	}
	p.next = now.Add(p.every)
	return true
}

// Show says that so much of the total is done, in words too.
func (p *Progress) Show(done int64, text string) {
	switch {
	case p == nil:
	case p.bar != nil:
		// Each of the two draws: the last must have both.
		_ = p.bar.Set64(done)
		p.bar.Describe(text)
	case p.total > 0:
		fmt.Fprintf(p.out, "%s: %s, %d%%\n", p.program, text, done*100/p.total)
	default:
		fmt.Fprintf(p.out, "%s: %s\n", p.program, text)
	}
}

// Stop takes the bar off the screen: the program's report stands for it.
func (p *Progress) Stop() {
	if p == nil || p.bar == nil {
		return
	}
	_ = p.bar.Clear()
	_ = p.bar.Exit()
	p.bar = nil
}
