// Package model compares random tables, rows and names on real engines with what a model in plain Go says of them.
package model
