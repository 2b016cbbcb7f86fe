package engine

import (
	"os"
	"path/filepath"
)

// Pid returns the process of the engine's server, or 0 if it has none of ours.
func Pid(e *Engine) int {
	switch {
	case e.share != nil:
		return e.share.note.Pid
	case e.server != nil:
		return e.server.spawned.process.Pid
	}
	return 0
}

// Keeper returns the process that keeps the engine's shared server, or 0.
func Keeper(e *Engine) int {
	if e.share == nil {
		return 0
	}
	return e.share.note.Keeper
}

// Folder returns the temporary folder of the engine's server.
func Folder(e *Engine) string {
	if e.share != nil {
		return e.share.note.Folder
	}
	return e.server.folder.path
}

// Meeting returns the folder in which the engine's shared server is arranged.
func Meeting(e *Engine) string { return e.share.meeting }

var Sweep = sweep

var PostgresDSN = postgresDSN

func NewParam(key, value string) []param { return []param{{key, value}} }

// HasKeeper reports whether somebody has started a keeper of the engine for the children of that process. It takes no
// lock, because it has not passed the gate.
func HasKeeper(e *Engine, parent int) bool {
	p, ok := processOf(parent)
	path, err := meetingFolder(e.name, p)
	if !ok || err != nil {
		return false
	}
	_, err = os.Stat(filepath.Join(path, "log"))
	return err == nil
}
