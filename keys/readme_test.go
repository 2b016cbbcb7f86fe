package keys_test

import (
	"os"
	"strings"
	"testing"
)

// README's code is what the examples run.
func TestReadmeExample(t *testing.T) {
	t.Parallel()
	readme := string(must(os.ReadFile("../README.md")))
	source := string(must(os.ReadFile("example_test.go")))
	_, section, _ := strings.Cut(readme, "## A request, once\n\n```go\n")
	code, _, _ := strings.Cut(section, "```")
	if code == "" {
		t.Fatal("README has no code below its heading \"A request, once\"")
	}
	for part := range strings.SplitSeq(code, "\n\n") {
		if !strings.Contains(source, strings.TrimSpace(part)+"\n") {
			t.Errorf("README has what example_test.go has not:\n%s", part)
		}
	}
}
