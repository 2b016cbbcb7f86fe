//go:build !linux

package engine

func memoryFolders() []string { return nil }
