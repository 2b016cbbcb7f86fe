package report

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// table writes rows in Markdown. The first column is text, and the others are text if left says so.
func table(w io.Writer, head []string, rows [][]string) {
	line := func(cells []string) {
		fmt.Fprintln(w, "| "+strings.Join(cells, " | ")+" |")
	}
	line(head)
	fmt.Fprintln(w, strings.Repeat("|---", len(head))+"|")
	for _, cells := range rows {
		line(cells)
	}
	fmt.Fprintln(w)
}

// count is a number with three digits that count, and commas between thousands.
func count(x float64) string {
	if x <= 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return "–"
	}
	scale := math.Pow(10, math.Max(0, math.Floor(math.Log10(x))-2))
	digits := strconv.FormatInt(int64(math.Round(x/scale)*scale), 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// times is a ratio.
func times(x float64) string {
	if x == 0 || math.IsNaN(x) {
		return "–"
	}
	return fmt.Sprintf("%.2f", x)
}

// size is a number of bytes.
func size(x float64) string {
	switch {
	case x < 0:
		return "–"
	case x < 1<<10:
		return fmt.Sprintf("%.0f B", x)
	case x < 1<<20:
		return fmt.Sprintf("%.1f KiB", x/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", x/(1<<20))
}
