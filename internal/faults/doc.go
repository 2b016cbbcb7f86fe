// Package faults causes failures in tests at a chosen place: in the process, in the server's side of a connection, or on the
// wire.
//
// [Open] returns a pool that calls a hook before and after everything that it sends to the server:
//
//	clean := faults.Open(t, ns, nil)
//	work(clean)
//	for _, p := range clean.Points() { // connect, begin, exec, query, prepare, commit, rollback, in order
//		trap := faults.At(p.Index, faults.After, (*faults.Point).KillSession)
//		work(faults.Open(t, fresh, trap.Hook))
//		// trap.Sprung() reports whether the work reached the point.
//	}
//
// [RunChild] does a piece of work in a process of its own. The process may end itself at a point with [Kill].
//
// [NewProxy] returns a proxy between a driver and a PostgreSQL, MariaDB or MySQL server. A [Rule] decides for each request
// whether the request arrives, whether its answer arrives, and how the connection ends. The proxy waits only for the server:
// before it drops an answer, it waits until the server has sent the answer and has ended the session.
//
// This package imports no driver. It reaches each driver through database/sql and the interfaces that the driver implements.
package faults
