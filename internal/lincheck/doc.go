// Package lincheck has package keys' promises checked by a linearizability checker: many callers, in what stand for several
// processes, do random things to a few keys and messages at once, GC beside them, on each engine. What each of them was told
// must be what some order of the calls, one after another, explains; and the effects in the database must be those that
// the callers were told of, once each.
//
// It is a module of its own, so that users of the library do not inherit the checker:
//
//	cd internal/lincheck && GOWORK=off go test ./... -ops 1000000 -seed 7
package lincheck
