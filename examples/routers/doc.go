// Package routers shows how routers that are not net/http's use the middleware of keys/httpkeys. There is nothing to import
// here: each router has a test, and docs/http.md takes its code from there. These are in a module of their own so that no user
// of the library has the routers in go.mod.
package routers
