package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/goupsert/upsert/internal/words"
)

// lines writes what people read, a line at a time from any goroutine.
type lines struct {
	mu  sync.Mutex
	out io.Writer
}

func (l *lines) printf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.out, format, args...)
}

const attemptFormat = "%-8s  %13s  %-5s  %-36s  %s\n"

func (l *lines) heads() {
	l.printf(attemptFormat, "customer", "amount", "key", "what happens", "what the client gets")
}

// attempt writes the line of one attempt. A key is shown by its beginning.
func (l *lines) attempt(o order, key, what, got string) {
	if key == "" {
		key = "-"
	} else {
		key = key[:min(5, len(key))]
	}
	l.printf(attemptFormat, o.Customer, cents(o.Amount), key, what, got)
}

// cents writes an amount of money.
func cents(n int64) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	return fmt.Sprintf("%s%s.%02d", sign, words.Number(n/100), n%100)
}

// grid is a table whose columns are as wide as what is in them.
type grid struct {
	right []bool // which columns hold numbers
	rows  [][]string
}

func (g *grid) add(cells ...string) { g.rows = append(g.rows, cells) }

func (g *grid) String() string {
	widths := make([]int, len(g.right))
	for _, row := range g.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range g.rows {
		var line strings.Builder
		for i, cell := range row {
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if g.right[i] {
				line.WriteString(space + cell + "  ")
			} else {
				line.WriteString(cell + space + "  ")
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}
