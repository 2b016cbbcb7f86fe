package engine

// Pid returns the process of the engine's server, or 0 if it has none of ours.
func Pid(e *Engine) int {
	if e.server == nil {
		return 0
	}
	return e.server.process.Pid
}

// Folder returns the temporary folder of the engine's server.
func Folder(e *Engine) string { return e.server.folder.path }

var Sweep = sweep

var PostgresDSN = postgresDSN

func NewParam(key, value string) []param { return []param{{key, value}} }
