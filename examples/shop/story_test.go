package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
)

// visitor is a browser without a screen.
type visitor struct {
	t    *testing.T
	http *http.Client
	url  string
}

func visit(t *testing.T, url string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{t, &http.Client{Jar: jar}, url}
	v.get("")
	return v
}

func (v *visitor) get(path string) *http.Response {
	v.t.Helper()
	r, err := v.http.Get(v.url + path)
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { _ = r.Body.Close() })
	return r
}

// press asks for a play, and returns the answer's status.
func (v *visitor) press(form url.Values) int {
	v.t.Helper()
	r, err := v.http.PostForm(v.url+"play", form)
	if err != nil {
		v.t.Fatal(err)
	}
	_ = r.Body.Close()
	return r.StatusCode
}

// watch returns the events of the play that has just begun.
func (v *visitor) watch() (events []event) {
	v.t.Helper()
	lines := bufio.NewScanner(v.get("events").Body)
	for lines.Scan() {
		text, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var e event
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			v.t.Fatal(err)
		}
		if events = append(events, e); e.Kind == "end" {
			return events
		}
	}
	v.t.Fatalf("the events ended before the play: %v", lines.Err())
	return nil
}

// server returns the number of the first server's process, once it runs.
func (v *visitor) server() (pid int) {
	v.t.Helper()
	lines := bufio.NewScanner(v.get("events").Body)
	for lines.Scan() {
		if _, text, ok := strings.Cut(lines.Text(), "started, process "); ok {
			if _, err := fmt.Sscan(text, &pid); err == nil {
				return pid
			}
		}
	}
	v.t.Fatalf("no server has started: %v", lines.Err())
	return 0
}

func formOf(s *story, with bool) url.Values {
	return url.Values{"story": {s.ID}, "with": {map[bool]string{true: "yes", false: "no"}[with]}, "name": {"Ada 🪔"}, "street": {"12 Mill Lane"}}
}

// count returns how many events are like that.
func count(events []event, kind, tone string) (n int) {
	for _, e := range events {
		if e.Kind == kind && (tone == "" || e.Tone == tone) {
			n++
		}
	}
	return n
}

// last returns the rows at the end.
func last(events []event) (r *rows) {
	for _, e := range events {
		if e.Rows != nil {
			r = e.Rows
		}
	}
	return r
}

// wanted is how often a story's effect happens without the library.
func (s *story) wanted(with bool) int {
	switch {
	case with:
		return 1
	case s.ID == "thrice":
		return 3
	default:
		return 2
	}
}

func TestEngines_Stories(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		url := openShopAt(t, "-dsn", e.DSN(t))
		for _, with := range []bool{true, false} {
			for _, s := range stories {
				t.Run(fmt.Sprintf("%s with=%v", s.ID, with), func(t *testing.T) {
					t.Parallel()
					v := visit(t, url)
					if status := v.press(formOf(s, with)); status != http.StatusAccepted {
						t.Fatalf("the answer is %d; want %d", status, http.StatusAccepted)
					}
					checkPlay(t, s, with, v.watch())
				})
			}
		}
	})
}

func checkPlay(t *testing.T, s *story, with bool, events []event) {
	t.Helper()
	want, stored, end := s.wanted(with), last(events), events[len(events)-1]
	if n := stored.effects(s.Thing); n != want {
		t.Errorf("it happened %d times; want %d", n, want)
	}
	if s.Thing == "payment" && stored.Balance != int64(opening-want*price) {
		t.Errorf("the balance is %d; want %d charges from %d", stored.Balance, want, opening)
	}
	if !strings.HasSuffix(end.Head, times(want)) || end.OK != with {
		t.Errorf("it ended with %q, ok %v; want %q, ok %v", end.Head, end.OK, times(want), with)
	}
	requests := s.wanted(false) // each of which the server without the library carries out
	if n := count(events, "arrow", "request"); n != requests {
		t.Errorf("%d requests; want %d", n, requests)
	}
	replays := 0
	if with && s.Thing != "record" {
		replays = requests - 1
	}
	if n := count(events, "note", "replay"); n != replays {
		t.Errorf("%d replays; want %d", n, replays)
	}
	if n := count(events, "sql", ""); n < 2 {
		t.Errorf("%d statements are shown; want those that were sent", n)
	}
	checkFault(t, s, with, events)
}

// checkFault looks for the fault itself: a story in which nothing goes wrong would show nothing.
func checkFault(t *testing.T, s *story, with bool, events []event) {
	t.Helper()
	lost, kills, starts := 0, 0, 1
	switch s.ID {
	case "answer", "record", "message":
		lost = 1
	case "restart":
		lost, kills, starts = 1, 1, 2
	case "servers":
		starts = 2
	}
	for _, c := range []struct {
		kind, tone string
		want       int
	}{{"lost", "", lost}, {"note", "kill", kills}, {"note", "start", starts}} {
		if n := count(events, c.kind, c.tone); n != c.want {
			t.Errorf("%d events of kind %s %s; want %d", n, c.kind, c.tone, c.want)
		}
	}
	if waits := count(events, "note", "wait"); with && s.ID == "servers" && waits != 1 {
		t.Errorf("%d waits; want that one server waited for the other", waits)
	}
	for _, e := range events {
		if s.ID == "record" && with && e.Tone == "write" && e.Attempt == 2 && e.Text != "address, unchanged" {
			t.Errorf("the second save has %q; want it unchanged", e.Text)
		}
	}
}
