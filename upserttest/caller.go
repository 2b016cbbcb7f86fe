package upserttest

import (
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

// frames that belong to the library and not to the code under test
var (
	ownPackage = reflect.TypeFor[point]().PkgPath()
	library    = strings.TrimSuffix(ownPackage, "/upserttest")
)

// callerOf returns the file and line of the code under test that sends a statement, whose stack is given. The frame nearest to
// the driver counts that belongs neither to the standard library, nor to a module in the module cache, nor to this module's
// packages. If the stack has none, the goroutine is looked at that waits for this one.
func callerOf(stack []uintptr, waiting string) string {
	var search frameSearch
	frames := runtime.CallersFrames(stack)
	for more := len(stack) > 0; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if search.sees(f) {
			return search.found
		}
	}
	if waiting != "" && search.inGoroutine(waiting) {
		return search.found
	}
	return search.fallback
}

// stackHere returns the stack of the running goroutine. Finding the caller in it takes longer than many a statement, and is left to
// the report.
func stackHere() []uintptr {
	stack := make([]uintptr, 64)
	return stack[:runtime.Callers(3, stack)]
}

// frameSearch looks for the caller from the innermost frame outwards.
type frameSearch struct {
	root     string // of the standard library's sources
	found    string
	fallback string // in a module that is not the user's
}

// sees reports whether the frame is the caller.
func (s *frameSearch) sees(f runtime.Frame) bool {
	if before, _, ok := strings.Cut(f.File, "database/sql/"); ok && strings.HasPrefix(f.Function, "database/sql.") {
		s.root = before
	}
	owner := frameOwner(f, s.root)
	if owner == ownedByStandard || owner == ownedByModule && s.fallback != "" {
		return false
	}
	at := shorten(f.File) + ":" + strconv.Itoa(f.Line)
	if owner == ownedByModule {
		s.fallback = at
		return false
	}
	s.found = at
	return true
}

var (
	goroutineName = regexp.MustCompile(`^goroutine (\d+) `)
	frameLines    = regexp.MustCompile(`(?m)^(\S.*)\(.*\)\n\t(.+):(\d+)`)
)

// goroutine returns the number of the running goroutine.
func goroutine() string {
	buf := make([]byte, 64)
	if m := goroutineName.FindSubmatch(buf[:runtime.Stack(buf, false)]); m != nil {
		return string(m[1])
	}
	return ""
}

// inGoroutine looks in the stack of a goroutine that waits for the one that sends. Libraries send from goroutines of their own,
// because a driver may not come back when the context ends.
func (s *frameSearch) inGoroutine(number string) bool {
	buf := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if !strings.HasPrefix(stack, "goroutine "+number+" ") {
			continue
		}
		for _, m := range frameLines.FindAllStringSubmatch(stack, -1) {
			line, _ := strconv.Atoi(m[3])
			if s.sees(runtime.Frame{Function: m[1], File: m[2], Line: line}) {
				return true
			}
		}
	}
	return false
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
