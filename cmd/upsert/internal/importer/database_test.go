package importer

import (
	"path/filepath"
	"testing"
)

func TestOpenDatabase_MissingFile(t *testing.T) {
	t.Parallel()
	_, _, err := openDatabase(filepath.Join(t.TempDir(), "none.db"), false)
	wantError(t, err, "-create makes the file")
}
