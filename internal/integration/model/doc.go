// Package model compares random tables, rows and names on real engines with the predictions of a model in plain Go.
package model
