package engine

import "io"

// Serve is [Run] for a program that is no test, such as a benchmark: engines can be had while f runs, and their servers
// are stopped after it. It reports to log and returns f's exit code, or what Run says of the engines. What an engine asks
// of a test, the program must bring: an implementation of the few methods of testing.TB that are called.
func Serve(log io.Writer, f func() int, opts ...RunOption) int {
	return current.run(serving(f), log, opts...)
}

type serving func() int

func (f serving) Run() int { return f() }
