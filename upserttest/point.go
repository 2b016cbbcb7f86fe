package upserttest

import (
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
)

// kind tells what a point is.
type kind int

const (
	statement kind = iota
	begin
	commit
	rollback
	effect // a call of [Effects]
)

// kindOf recognises the texts that begin and end a transaction.
func kindOf(text string) kind {
	word, rest, _ := strings.Cut(strings.ToUpper(strings.Trim(text, " \t\r\n;")), " ")
	switch {
	case word == "BEGIN", word == "START" && strings.HasPrefix(rest, "TRANSACTION"):
		return begin
	case word == "COMMIT", word == "END":
		return commit
	case word == "ROLLBACK" && !strings.HasPrefix(rest, "TO"):
		return rollback
	}
	return statement
}

// point is one thing that a run sends: a statement, BEGIN, COMMIT, ROLLBACK, or a call of a provider.
type point struct {
	number int // counts from 1 in each run
	kind   kind
	text   string
	caller string // file:line of the code under test, "" if another goroutine sent the point
	inTx   bool   // a transaction was open before the point
	rows   bool   // the answer has rows
	err    error  // the driver's error
}

// frames that belong to the library and not to the code under test
var (
	ownPackage = reflect.TypeFor[point]().PkgPath()
	library    = strings.TrimSuffix(ownPackage, "/upserttest")
)

// callerOf returns the file and line of the code under test that sends a statement now. The frame nearest to the driver counts
// that belongs neither to the standard library, nor to a module in the module cache, nor to this module's packages.
func callerOf() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	var root, fallback string
	for {
		f, more := frames.Next()
		if before, _, ok := strings.Cut(f.File, "database/sql/"); ok && strings.HasPrefix(f.Function, "database/sql.") {
			root = before
		}
		switch where := frameOwner(f, root); where {
		case ownedByUser:
			return shorten(f.File) + ":" + strconv.Itoa(f.Line)
		case ownedByModule:
			if fallback == "" {
				fallback = shorten(f.File) + ":" + strconv.Itoa(f.Line)
			}
		}
		if !more {
			return fallback
		}
	}
}

type owner int

const (
	ownedByStandard owner = iota
	ownedByModule
	ownedByUser
)

func frameOwner(f runtime.Frame, root string) owner {
	isTest := strings.HasSuffix(f.File, "_test.go")
	switch {
	case f.Function == "" || strings.HasPrefix(f.Function, ownPackage+"."):
		return ownedByStandard
	case root != "" && strings.HasPrefix(f.File, root):
		return ownedByStandard
	case isStandard(f.Function):
		return ownedByStandard
	case strings.Contains(f.File, "/pkg/mod/"), strings.Contains(f.File, "@v"), strings.Contains(f.File, "/vendor/"):
		return ownedByModule
	case !isTest && (strings.HasPrefix(f.Function, library+".") || strings.HasPrefix(f.Function, library+"/keys") || strings.HasPrefix(f.Function, library+"/internal/")):
		return ownedByModule
	}
	return ownedByUser
}

// isStandard recognises the packages of the standard library that lie between a statement and its caller, for binaries that
// were built with -trimpath.
func isStandard(function string) bool {
	for _, p := range []string{"database/sql.", "runtime.", "testing.", "net/http.", "net/http/httptest.", "sync.", "reflect.", "iter.", "slices.", "context."} {
		if strings.HasPrefix(function, p) {
			return true
		}
	}
	return false
}

// shorten returns the path from the folder of the running test, or the last two elements of a path that is elsewhere.
func shorten(file string) string {
	if rel, err := filepath.Rel(workingFolder(), file); err == nil && !strings.HasPrefix(rel, "..") {
		return filepath.ToSlash(rel)
	}
	dir, base := filepath.Split(filepath.ToSlash(file))
	return filepath.Base(dir) + "/" + base
}

func workingFolder() string {
	dir, err := filepath.Abs(".")
	if err != nil {
		return "."
	}
	return dir
}
