// Package integration tests package upsert on real servers. It also tests the order of the statements on a mock. The
// packages below it test the hazards of databases, the paths of batches, and the rules against a model.
package integration
