// Package upserttest checks that a write can be repeated.
package upserttest
