package keys

import "time"

// stopwatch measures a duration with the monotonic clock of the process, which setting the machine's clock does not change. The
// zero stopwatch has run for ever.
type stopwatch struct{ began time.Time }

func startStopwatch() stopwatch { return stopwatch{began: time.Now()} }

func (w stopwatch) elapsed() time.Duration { return time.Since(w.began) }
