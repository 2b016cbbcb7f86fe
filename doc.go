// Package upsert makes SQL writes safe to repeat.
package upsert
