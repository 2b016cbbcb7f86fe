package engine

import (
	"os"
	"path/filepath"
)

// Pid returns the process ID of the engine's server, or 0 if this package did not start the server.
func Pid(e *Engine) int {
	switch {
	case e.state.share != nil:
		return e.state.share.note.Pid
	case e.state.server != nil:
		return e.state.server.spawned.process.Pid
	}
	return 0
}

// Keeper returns the process ID of the keeper of the engine's shared server, or 0.
func Keeper(e *Engine) int {
	if e.state.share == nil {
		return 0
	}
	return e.state.share.note.Keeper
}

// Folder returns the temporary folder of the engine's server.
func Folder(e *Engine) string {
	if e.state.share != nil {
		return e.state.share.note.Folder
	}
	return e.state.server.folder.path
}

// Meeting returns the folder through which test binaries share the engine's server.
func Meeting(e *Engine) string { return e.state.share.meeting }

var Sweep = sweep

var PostgresDSN = postgresDSN

func NewParam(key, value string) []param { return []param{{key, value}} }

// HasKeeper reports whether a child of the given process has started a keeper of the engine. It takes no lock, because it does
// not hold the gate.
func HasKeeper(e *Engine, parent int) bool {
	p, ok := processOf(parent)
	path, err := meetingFolder(e.name, p)
	if !ok || err != nil {
		return false
	}
	_, err = os.Stat(filepath.Join(path, "log"))
	return err == nil
}
