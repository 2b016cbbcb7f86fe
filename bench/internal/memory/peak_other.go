//go:build !linux

package memory

// peak is not known here.
func peak() (int64, error) { return 0, nil }
