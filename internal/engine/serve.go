package engine

import "io"

// Serve is [Run] for a program that is not a test, for example a benchmark. Engines are available while f runs, and their servers
// stop after f. Serve reports to log. It returns the exit code of f, or the code that Run returns for a problem with the engines.
// The program must implement the few methods of testing.TB that engines call.
func Serve(log io.Writer, f func() int, opts ...RunOption) int {
	return current.run(serving(f), log, opts...)
}

type serving func() int

func (f serving) Run() int { return f() }
