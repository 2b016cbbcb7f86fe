package engine

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	folderPrefix = "upsert-engine-"
	folderTries  = 3
)

var errLocked = errors.New("somebody else has the lock")

// folder is a server's temporary folder. The test binary holds a lock on a file beside the data during its whole life. Later test
// binaries can therefore distinguish an abandoned folder from a folder in use.
type folder struct {
	path string
	lock *os.File
}

// newFolder creates and locks a folder. It tries again if a sweep in another process removed the new folder before it was locked.
func newFolder(name string, a *account) (f *folder, err error) {
	for range folderTries {
		if f, err = lockedFolder(name); !errors.Is(err, errLocked) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	sweep(filepath.Dir(f.path))
	if err := a.owns(f.path); err != nil {
		return nil, errors.Join(err, f.remove())
	}
	return f, nil
}

func lockedFolder(name string) (*folder, error) {
	path, err := makeDir(folderPrefix + name + "-")
	if err != nil {
		return nil, err
	}
	lock, err := os.Create(lockFile(path))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(path))
	}
	f := &folder{path, lock}
	if err := tryLock(lock); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return nil, errors.Join(err, f.remove())
	}
	if _, err := os.Stat(lock.Name()); errors.Is(err, fs.ErrNotExist) { // the process that swept the folder had the lock before us
		return nil, errors.Join(errLocked, f.remove())
	}
	return f, nil
}

func lockFile(path string) string { return filepath.Join(path, "lock") }

func dataFolder(path string) string { return filepath.Join(path, "data") }

func (f *folder) remove() error {
	return errors.Join(removeFolder(f.path), f.lock.Close())
}

// removeFolder removes the lock file last. Without the lock file, a later sweep would skip a folder that this call could not
// remove completely.
func removeFolder(path string) error {
	if err := os.RemoveAll(dataFolder(path)); err != nil {
		return err
	}
	return os.RemoveAll(path)
}

// sweep removes the folders of killed test binaries. It skips a folder without a lock file, because its owner is about to create
// the lock file.
func sweep(parent string) {
	for _, path := range glob(filepath.Join(parent, folderPrefix+"*")) {
		lock, err := os.OpenFile(lockFile(path), os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if err := tryLock(lock); err == nil {
			_ = removeFolder(path) // a failure to clean up after another process is not an error of this test
		}
		_ = lock.Close()
	}
}
