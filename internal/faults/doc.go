// Package faults breaks things for tests at a place they choose: the process, the server's side of a connection, the wire.
//
// [Open] is a pool that stops before and after everything it sends to the server, and calls a hook there:
//
//	clean := faults.Open(t, ns, nil)
//	work(clean)
//	for _, p := range clean.Points() { // connect, begin, exec, query, prepare, commit, rollback, in order
//		trap := faults.At(p.Index, faults.After, (*faults.Point).KillSession)
//		work(faults.Open(t, fresh, trap.Hook))
//		// trap.Sprung() says whether the work came that far.
//	}
//
// [RunChild] does one piece of work in a process of its own, which may end itself at a point by [Kill].
//
// [NewProxy] stands between a driver and a PostgreSQL, MariaDB or MySQL server. A [Rule] says of each request whether it
// arrives, whether its answer does, and how the connection ends. It waits for nothing but the server: an answer is lost
// only after the server has given it, and has ended the session.
//
// Nothing here imports a driver: each is reached through database/sql and by what it implements.
package faults
