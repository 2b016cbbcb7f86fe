// Package verify tests what Table.Verify finds, and that Table.Schema makes tables in which it finds nothing.
package verify
