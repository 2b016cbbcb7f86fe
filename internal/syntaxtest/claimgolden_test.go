package syntaxtest_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/claimsql"
	"github.com/goupsert/upsert/internal/syntaxtest"
	"golang.org/x/tools/txtar"
)

const claimDir = "../../testdata/claims"

// TestGoldenClaims: every statement of package keys is the one in its golden file, as in TestGolden.
func TestGoldenClaims(t *testing.T) {
	t.Parallel()
	for _, c := range syntaxtest.ClaimCases() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			compareGolden(t, filepath.Join(claimDir, c.Name+".txtar"), claimGolden(t, c))
		})
	}
}

// claimGolden is the case's file as the code would have it. If a driver that prepares every
// query is sent something else, a section of its own says so.
func claimGolden(t *testing.T, c syntaxtest.ClaimCase) []byte {
	t.Helper()
	variants, err := syntaxtest.ClaimVariants()
	if err != nil {
		t.Fatal(err)
	}
	a := &txtar.Archive{Comment: []byte(c.Why + "\n\n")}
	for _, v := range variants {
		inline := ""
		for _, bind := range []bool{false, true} {
			s, err := c.Write(v.Dialect, bind, syntaxtest.ExampleClaim())
			if err != nil {
				t.Fatal(err)
			}
			text := layClaim(t, s)
			switch {
			case !bind:
				inline = text
				a.Files = append(a.Files, txtar.File{Name: v.Name, Data: []byte(text)})
			case text != inline:
				a.Files = append(a.Files, txtar.File{Name: v.Name + " with parameters", Data: []byte(text)})
			}
		}
	}
	return txtar.Format(a)
}

// layClaim breaks a statement into lines and lists its arguments.
func layClaim(t *testing.T, s claimsql.Statement) string {
	t.Helper()
	if s.Text == "" {
		return "(none)\n"
	}
	text := syntaxtest.Layout(s.Text)
	if syntaxtest.Unlay(text) != s.Text {
		t.Errorf("its lines are\n%s\nbut the statement is\n%s", text, s.Text)
	}
	var b strings.Builder
	b.WriteString(text + "\n")
	for i, arg := range s.Args {
		switch v := arg.(type) {
		case []byte:
			fmt.Fprintf(&b, "argument %d: bytes %x\n", i+1, v)
		default:
			fmt.Fprintf(&b, "argument %d: %T %q\n", i+1, v, v)
		}
	}
	return b.String()
}

// TestGoldenClaimFilesHaveCases: a file that no case writes would never be compared.
func TestGoldenClaimFilesHaveCases(t *testing.T) {
	t.Parallel()
	var known []string
	for _, c := range syntaxtest.ClaimCases() {
		if slices.Contains(known, c.Name) {
			t.Errorf("two cases are named %s", c.Name)
		}
		known = append(known, c.Name)
	}
	files, err := filepath.Glob(filepath.Join(claimDir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files in %s (error %v)", claimDir, err)
	}
	for _, path := range files {
		if name, ok := strings.CutSuffix(filepath.Base(path), ".txtar"); !ok || !slices.Contains(known, name) {
			t.Errorf("%s belongs to no case: remove it", path)
		}
	}
}
