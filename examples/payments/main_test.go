package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
)

// TestMain is the server process too: -crash starts the program that it is.
func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		os.Exit(runChild(text, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(engine.Run(m))
}

// outcome is what one run of the program left.
type outcome struct {
	code           int
	stdout, stderr string
}

func runProgram(t *testing.T, args ...string) outcome {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), args, &out, &errs)
	return outcome{code, out.String(), errs.String()}
}

// ended fails the test unless the run ended with code and its report has all of want in it.
func (o outcome) ended(t *testing.T, code int, want ...string) {
	t.Helper()
	for _, text := range want {
		if o.code != code || !strings.Contains(o.stdout, text) {
			t.Fatalf("ended with %d; want %d and %q in\n%s\nstderr %q", o.code, code, text, o.stdout, o.stderr)
		}
	}
}

// scenes are what the story's lines say, as regular expressions.
var scenes = []string{
	`ann\S* +12\.50  \w+  all goes well +201 paid, balance [\d,.]+\n`,
	`ben\S* +8\.00  (\w+)  the request is lost +no answer in time\n`,
	`ben\S* +8\.00  (\w+)  sent again, the answer is lost +no answer in time\n`,
	`ben\S* +8\.00  (\w+)  sent again +201 paid, replayed, balance [\d,.]+\n`,
	`cleo\S* +20\.00  \w+  sent twice at once: one +201 paid, balance [\d,.]+\n`,
	`cleo\S* +20\.00  \w+  and the other +201 paid, replayed, balance [\d,.]+\n`,
	`dan\S* +50\.00  \w+  the same key, another amount +422 another order's key\n`,
	`eve\S* +10,000,000\.00  \w+  more than there is +402 declined\n`,
	`eve\S* +10,000,000\.00  \w+  sent again: still an answer +402 declined, replayed\n`,
	`finn\S* +7\.77  \w+  started again, with its list +201 paid, replayed, balance [\d,.]+\n`,
	`ann\S* +1\.00  - +no key +400 refused\n`,
}

// howFar is what a program says that runs for some seconds.
var howFar = regexp.MustCompile(`^(payments: \d+ attempts, \d+%\n)*$`)

func (o outcome) toldTheStory(t *testing.T) {
	t.Helper()
	for _, scene := range scenes {
		if !regexp.MustCompile(scene).MatchString(o.stdout) {
			t.Errorf("no line like %q", scene)
		}
	}
	o.ended(t, 0, " 0 lost, 0 charged twice, 0 charged and not meant; ", "  equal\n")
	if strings.Contains(o.stdout, "NOT EQUAL") || !howFar.MatchString(o.stderr) {
		t.Errorf("stderr %q; want none but how far it is, and all equal", o.stderr)
	}
	if t.Failed() {
		t.Log(o.stdout)
	}
}

func TestEngines_Story(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		dsn := e.DSN(t)
		runProgram(t, "-dsn", dsn, "-seed", "1").toldTheStory(t)
		// The books of one run are no part of another's, be it over or not.
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() { runProgram(t, "-dsn", dsn, "-seed", "1", "-customers", "7", "-payments", "50").toldTheStory(t) })
		}
		both.Wait()
	})
}

func TestEngines_Crash(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		dsn := e.DSN(t)
		o := runProgram(t, "-dsn", dsn, "-crashes", "10", "-seed", "2")
		o.ended(t, 0, "while the server was killed 10 times and the client once:", " 0 lost, 0 charged twice, 0 charged and not meant; ")
		if deaths := deathsIn(o.stdout); deaths != 10 {
			t.Errorf("the report has %d deaths; want 10:\n%s", deaths, o.stdout)
		}
	})
}

// deathsIn sums the report's table of them.
func deathsIn(report string) int {
	_, rest, _ := strings.Cut(report, "killed at")
	table, _, _ := strings.Cut(rest, "\n\n")
	sum := 0
	for _, n := range regexp.MustCompile(`(?m)(\d+) +(\d+)$`).FindAllStringSubmatch(table, -1) {
		sum += atoi(n[1]) + atoi(n[2])
	}
	return sum
}

func atoi(s string) (n int) {
	for _, digit := range s {
		n = n*10 + int(digit-'0')
	}
	return n
}

func TestEngines_NaiveIsNoticed(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		o := runProgram(t, "-dsn", e.DSN(t), "-naive", "-seed", "3", "-payments", "60")
		o.ended(t, 1, "NOT EQUAL")
		if doubled := regexp.MustCompile(` (\d+) charged twice, 1 charged and not meant;`).FindStringSubmatch(o.stdout); doubled == nil || atoi(doubled[1]) < 3 {
			t.Errorf("doubled %q; want those of ben, cleo and finn at least:\n%s", doubled, o.stdout)
		}
		said, ok := strings.CutSuffix(o.stderr, "payments: "+errUnequal.Error()+"\n")
		if !ok || !howFar.MatchString(said) {
			t.Errorf("stderr %q; want it to end in %q, after how far it is", o.stderr, errUnequal)
		}
	})
}

func TestRun_NaiveCrashIsNoticed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bank.db")
	runProgram(t, "-dsn", path, "-naive", "-crashes", "20", "-seed", "4").ended(t, 1, "NOT EQUAL")
}

func TestRun_VerboseHasALineForEachAttempt(t *testing.T) {
	t.Parallel()
	o := runProgram(t, "-v", "-payments", "20", "-clients", "1", "-seed", "5")
	o.ended(t, 0, "equal")
	_, table, _ := strings.Cut(o.stdout, "what the client got\n")
	table, _, _ = strings.Cut(table, "\n\n")
	attempts := 0
	for _, n := range regexp.MustCompile(`(?m)^ *(\d+)  `).FindAllStringSubmatch(table, -1) {
		attempts += atoi(n[1])
	}
	told := len(regexp.MustCompile(`(?m)^\w+ +[\d,.]+  \w{5}  (sent|sent again)  .*\n`).FindAllString(o.stdout, -1))
	// The story has one line of these words.
	if attempts < 20 || told != attempts+1 {
		t.Errorf("%d lines for %d attempts:\n%s", told, attempts, o.stdout)
	}
}

func TestRun_LeavesNoFile(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	runProgram(t, "-payments", "5").ended(t, 0, "equal")
	left, err := os.ReadDir(folder)
	if err != nil || len(left) > 0 {
		t.Errorf("the temporary folder has %v, %v; want nothing", left, err)
	}
}

func TestRun_Refuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code int
		args []string
		want string
	}{
		"unknown flag":  {2, []string{"-none"}, "-none"},
		"an argument":   {2, []string{"x"}, `there are only flags, and "x" is none`},
		"no customers":  {2, []string{"-customers", "0"}, "-customers 0: give at least 1"},
		"no crashes":    {2, []string{"-crashes", "0"}, "-crashes 0: give at least 1"},
		"less payments": {2, []string{"-payments", "-1"}, "-payments -1: give how many"},
		"in memory":     {2, []string{"-dsn", ":memory:"}, "give a file"},
		"serve, crash":  {2, []string{"-serve", ":0", "-crash"}, "give one of the two"},
		"no PostgreSQL": {1, []string{"-dsn", "postgres://me@127.0.0.1:1/db?sslmode=disable"}, "connection refused"},
		"no driver":     {1, []string{"-dsn", "oracle://me:geheim@localhost/x"}, "no driver for oracle://"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := runProgram(t, c.args...)
			if o.code != c.code || !strings.Contains(o.stderr, c.want) || o.stdout != "" || strings.Contains(o.stderr, "geheim") {
				t.Fatalf("ended with %d, stdout %q, stderr %q; want %d and %q on stderr", o.code, o.stdout, o.stderr, c.code, c.want)
			}
		})
	}
}

func TestRun_Help(t *testing.T) {
	t.Parallel()
	o := runProgram(t, "-h")
	o.ended(t, 0, "payments -naive", "-crashes many", "-seed number")
}
