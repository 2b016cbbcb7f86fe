// Package mysqlengine runs the library on go-mysql-server, an engine in this process that speaks MySQL's protocol and
// dialect. It has tests only.
//
// It is not MySQL: what it shows is that MySQL's text is understood by something else than a parser, that the driver
// takes its answers apart as expected, and that rows affected have the shape of 1, 2 and 0. It has no row locks, no
// isolation levels to speak of, and collations and types of its own; where it is known to differ from MySQL's
// documentation in what matters here, a test says so and holds the difference fast.
package mysqlengine
