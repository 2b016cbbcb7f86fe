package upsert_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	fence        = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")
	lineComment  = regexp.MustCompile(`(^|\s)//.*$`)
	relativeLink = regexp.MustCompile(`\]\(([^)#:]+)(?:#([\w-]+))?\)`)
)

// block is a piece of code in a document.
type block struct{ doc, language, text string }

// docs returns the documents for users by path.
func docs(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, path := range append(paths, "README.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[path] = string(text)
	}
	return texts
}

func blocksOf(doc, text string) (all []block) {
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		all = append(all, block{doc, m[1], m[2]})
	}
	return all
}

// isComplete reports whether the block is a program.
func (b block) isComplete() bool { return strings.HasPrefix(b.text, "package main\n") }

// withoutComments is Go code without indentation, comments and blank lines.
func withoutComments(code string) string {
	var lines []string
	for line := range strings.SplitSeq(code, "\n") {
		if line = strings.TrimSpace(lineComment.ReplaceAllString(line, "")); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// A program in a document prints what the next block says.
func TestDocsProgramsRun(t *testing.T) {
	t.Parallel()
	programs := 0
	for doc, text := range docs(t) {
		blocks := blocksOf(doc, text)
		for i, b := range blocks {
			if b.language != "go" || !b.isComplete() {
				continue
			}
			programs++
			if i+1 == len(blocks) || blocks[i+1].language != "text" {
				t.Errorf("%s: the program is not followed by a block of its output", doc)
				continue
			}
			t.Run(fmt.Sprint(doc, " block ", i), func(t *testing.T) {
				t.Parallel()
				if got, want := runProgram(t, b.text), blocks[i+1].text; got != want {
					t.Errorf("it prints\n%s\nand the document says\n%s", got, want)
				}
			})
		}
	}
	if programs == 0 {
		t.Error("README.md has no complete program")
	}
}

// runProgram returns what a program prints, which is compiled as a part of this module.
func runProgram(t *testing.T, code string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(path, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", path)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go run: %v\n%s", err, errs.String())
	}
	return string(out)
}

// Code that is no program is taken from a Go file, most of it from an example that runs: each part between blank lines is
// there, apart from comments.
func TestDocsCodeIsThatOfTheTests(t *testing.T) {
	t.Parallel()
	var files []string
	for path, text := range goFiles(t) {
		if path != "docs_code_test.go" {
			files = append(files, withoutComments(text))
		}
	}
	source := "\n" + strings.Join(files, "\n\n") + "\n"
	for doc, text := range docs(t) {
		for _, b := range blocksOf(doc, text) {
			if b.language != "go" || b.isComplete() {
				continue
			}
			for part := range strings.SplitSeq(b.text, "\n\n") {
				if !strings.Contains(source, "\n"+withoutComments(part)+"\n") {
					t.Errorf("%s: no Go file has\n%s", doc, part)
				}
			}
		}
	}
}

// A link leads to a file that is there, and its anchor to a hazard or a heading of it.
func TestDocsLinksLead(t *testing.T) {
	t.Parallel()
	for doc, text := range docs(t) {
		for _, m := range relativeLink.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			path := filepath.Join(filepath.Dir(doc), m[1])
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s links to %s: %v", doc, m[1], err)
				continue
			}
			if m[2] == "" {
				continue
			}
			target, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(target), `<a id="`+m[2]+`">`) {
				t.Errorf("%s links to %s#%s, which %s does not have", doc, m[1], m[2], path)
			}
		}
	}
}
