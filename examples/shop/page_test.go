package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestPage_EachBrowserHasABankOfItsOwn(t *testing.T) {
	t.Parallel()
	url := openShopAt(t)
	one, other := visit(t, url), visit(t, url)
	one.press(formOf(storyOf("thrice"), false))
	other.press(formOf(storyOf("answer"), true))
	for v, want := range map[*visitor]int{one: 3, other: 1} {
		if n := len(last(v.watch()).Payments); n != want {
			t.Errorf("%d payments; want %d", n, want)
		}
	}
}

// A play that is over has left no process.
func TestPage_APlayEndsItsServers(t *testing.T) {
	t.Parallel()
	v := visit(t, openShopAt(t))
	v.press(formOf(storyOf("answer"), true))
	v.watch()
	server, err := os.FindProcess(v.server())
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Signal(syscall.Signal(0)); err == nil {
		t.Error("the server still runs")
	}
}

func TestPage_AReloadSeesTheLastPlay(t *testing.T) {
	t.Parallel()
	v := visit(t, openShopAt(t))
	v.press(formOf(storyOf("record"), true))
	first := v.watch()
	if again := v.watch(); len(again) != len(first) {
		t.Errorf("%d events; want the same %d as the first time", len(again), len(first))
	}
}

func TestPage_Refuses(t *testing.T) {
	t.Parallel()
	v := visit(t, openShopAt(t))
	record := formOf(storyOf("record"), true)
	with := func(name, value string) url.Values {
		form := url.Values{}
		for k, v := range record {
			form[k] = v
		}
		form.Set(name, value)
		return form
	}
	for name, c := range map[string]struct {
		form url.Values
		want int
	}{
		"no story":   {url.Values{}, http.StatusNotFound},
		"no name":    {with("name", " "), http.StatusBadRequest},
		"long name":  {with("name", strings.Repeat("é", mostName+1)), http.StatusBadRequest},
		"NUL":        {with("street", "a\x00b"), http.StatusBadRequest},
		"not UTF-8":  {with("street", "a\xffb"), http.StatusBadRequest},
		"large body": {with("street", strings.Repeat("x", mostBody)), http.StatusRequestEntityTooLarge},
	} {
		if status := v.press(c.form); status != c.want {
			t.Errorf("%s: the answer is %d; want %d", name, status, c.want)
		}
	}
	if status := v.press(with("name", strings.Repeat("é", mostName))); status != http.StatusAccepted {
		t.Errorf("the longest name: the answer is %d; want %d", status, http.StatusAccepted)
	}
	if status := v.press(record); status != http.StatusTooManyRequests {
		t.Errorf("a second press at once: the answer is %d; want %d", status, http.StatusTooManyRequests)
	}
	v.watch()
}

// A page of somebody else's cannot press the button.
func TestPage_RefusesOtherOrigins(t *testing.T) {
	t.Parallel()
	v := visit(t, openShopAt(t))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.url+"play", strings.NewReader(formOf(storyOf("answer"), true).Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "https://evil.example")
	answer, err := v.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // not read
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("the answer is %d; want %d", answer.StatusCode, http.StatusForbidden)
	}
}

func TestPage_TooManyStreams(t *testing.T) {
	t.Parallel()
	v := visit(t, openShopAt(t))
	for range mostStreams {
		v.get("events")
	}
	if status := v.get("events").StatusCode; status != http.StatusTooManyRequests {
		t.Errorf("the answer is %d; want %d", status, http.StatusTooManyRequests)
	}
}

func TestBanks_CloseAndRefuse(t *testing.T) {
	t.Parallel()
	b, now := newBanks(), time.Now()
	stranger := func(at time.Time) error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _, _, err = b.of(r, at)
		return err
	}
	for range mostBanks {
		if err := stranger(now); err != nil {
			t.Fatal(err)
		}
	}
	if err := stranger(now.Add(leaveAfter)); err != errFull { //nolint:errorlint // it is that one
		t.Errorf("one too many: error %v; want %v", err, errFull)
	}
	if err := stranger(now.Add(leaveAfter + 1)); err != nil || len(b.byID) != 1 {
		t.Errorf("after the others have left: error %v, %d banks; want nil and 1", err, len(b.byID))
	}
}

// The policy allows what the page has, and nothing that comes from elsewhere is asked for.
func TestPage_LoadsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	v := visit(t, openShopAt(t))
	for _, path := range []string{"", "shop.css", "shop.js", "icon.svg"} {
		r := v.get(path)
		text, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != http.StatusOK || r.Header.Get("Content-Security-Policy") != policy {
			t.Errorf("%q: status %d, policy %q, error %v", path, r.StatusCode, r.Header.Get("Content-Security-Policy"), err)
		}
		left := strings.ReplaceAll(string(text), "http://www.w3.org/2000/svg", "")
		if strings.Contains(left, "://") || strings.Contains(left, " style=") || strings.Contains(left, "innerHTML") {
			t.Errorf("%q has an address, a style attribute or innerHTML in it", path)
		}
	}
}

// The page says where each piece of code is, and shows the piece itself.
func TestPieces(t *testing.T) {
	t.Parallel()
	for _, p := range pieces {
		text, err := os.ReadFile(p.File)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.ReplaceAll(string(text), "\t", "    "), "\n")
		if first, _, _ := strings.Cut(p.Text, "\n"); lines[p.Line-1] != first {
			t.Errorf("%s is %q; want %q", p.Place(), lines[p.Line-1], first)
		}
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
		"in memory":     {2, []string{"-dsn", ":memory:"}, "give a file"},
		"no PostgreSQL": {1, []string{"-dsn", "postgres://me@127.0.0.1:1/db?sslmode=disable"}, "connection refused"},
		"no driver":     {1, []string{"-dsn", "oracle://me:geheim@localhost/x"}, "no driver for oracle://"},
		"no address":    {1, []string{"-listen", "127.0.0.1:99999"}, "invalid port"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			code := run(t.Context(), append(c.args, "-open=false"), &out, &errs)
			if name == "an argument" {
				code = run(t.Context(), c.args, &out, &errs)
			}
			if code != c.code || !strings.Contains(errs.String(), c.want) || out.Len() > 0 || strings.Contains(errs.String(), "geheim") {
				t.Errorf("ended with %d, stdout %q, stderr %q; want %d and %q on stderr", code, &out, &errs, c.code, c.want)
			}
		})
	}
}

func TestRun_Help(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"-h"}, &out, &errs); code != 0 || errs.Len() > 0 {
		t.Errorf("ended with %d, stderr %q; want 0", code, &errs)
	}
	for _, want := range []string{"-open=false", "-dsn database", "-listen address"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the help has no %q", want)
		}
	}
}

// A database that has such tables keeps them.
func TestRun_RefusesTablesThatAreThere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mine.db")
	db, err := openDB(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, text := range []string{"CREATE TABLE shop_parcels (mine INTEGER)", "INSERT INTO shop_parcels VALUES (1)"} {
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"-open=false", "-dsn", path}, &out, &errs); code != 1 || !strings.Contains(errs.String(), "shop_parcels already: another shop runs there") {
		t.Errorf("ended with %d, stderr %q; want 1 and the table's name", code, &errs)
	}
	for _, what := range []string{"shop_parcels", "sqlite_master"} {
		var n int
		if err := db.Get(&n, "SELECT count(*) FROM "+what); err != nil || n != 1 {
			t.Errorf("%s has %d rows, error %v; want the one that was there", what, n, err)
		}
	}
}

// Ctrl-C in the middle of plays ends the program and its servers, and leaves neither a table nor a file.
func TestRun_InterruptLeavesNothing(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no Ctrl-C to send on Windows")
	}
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "mine.db")
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), programVariable+"=-dsn "+path, "TMPDIR="+folder)
	cmd.Stdout = in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = in.Close()
	said := make([]byte, 1000)
	n, err := out.Read(said)
	if err != nil {
		t.Fatal(err)
	}
	v := visit(t, pageURL.FindString(string(said[:n])))
	v.press(formOf(storyOf("restart"), true))
	server, err := os.FindProcess(v.server())
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v; want 0", err)
	}
	if err := server.Signal(syscall.Signal(0)); err == nil {
		t.Error("a server still runs")
	}
	db, err := openDB(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var tables []string
	if err := db.Select(&tables, "SELECT name FROM sqlite_master"); err != nil || len(tables) > 0 {
		t.Errorf("the database has %v, error %v; want nothing", tables, err)
	}
}

func TestRun_LeavesNoFile(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	ctx, cancel := context.WithCancel(t.Context())
	var errs bytes.Buffer
	code := run(ctx, []string{"-open=false"}, hook(func(string) { cancel() }), &errs)
	left, err := os.ReadDir(folder)
	if code != 0 || err != nil || len(left) > 0 {
		t.Errorf("ended with %d, stderr %q; the temporary folder has %v, %v; want 0 and nothing", code, &errs, left, err)
	}
}
