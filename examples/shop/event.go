package main

import (
	"encoding/json"
	"sync"
)

// event is what the page shows of a play. Kind decides how:
//
//	begin   a play begins: Story, With
//	arrow   something goes From one place To another: client, A, B or db
//	lost    the same, and it does not arrive
//	note    something happens At a place
//	sql     a server, At, sends a statement
//	rows    the rows that are stored now
//	end     a play has ended: Head, Text, OK
type event struct {
	ID      int      `json:"id"`
	Kind    string   `json:"kind"`
	Tone    string   `json:"tone,omitempty"` // request, answer, replay, claim, wait, write, commit, start, kill
	From    string   `json:"from,omitempty"`
	To      string   `json:"to,omitempty"`
	At      string   `json:"at,omitempty"`
	Attempt int      `json:"attempt,omitempty"`
	Text    string   `json:"text,omitempty"`
	Args    []string `json:"args,omitempty"`

	Story string `json:"story,omitempty"`
	With  bool   `json:"with"`
	Rows  *rows  `json:"rows,omitempty"`
	Head  string `json:"head,omitempty"`
	OK    bool   `json:"ok"`
}

// mostEvents is more than any story has.
const mostEvents = 400

// feed holds the events of a bank's last play, for each page of one browser that listens.
type feed struct {
	mu      sync.Mutex
	last    int
	events  [][]byte
	changed chan struct{} // closed when there are more
}

func newFeed() *feed { return &feed{changed: make(chan struct{})} }

// publish adds an event. The first event of a play replaces those of the play before.
func (f *feed) publish(e event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e.Kind == "begin" {
		f.events = nil
	}
	if len(f.events) >= mostEvents && e.Kind != "end" {
		return
	}
	f.last++
	e.ID = f.last
	text, err := json.Marshal(e)
	if err != nil {
		return // an event has nothing that JSON has not
	}
	f.events = append(f.events, text)
	close(f.changed)
	f.changed = make(chan struct{})
}

// since returns the events after the one with that ID, the last ID, and a channel that is closed when there are more.
func (f *feed) since(id int) (events [][]byte, last int, more <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fresh := min(max(f.last-id, 0), len(f.events))
	if id > f.last { // a page that has heard of another program
		fresh = len(f.events)
	}
	return f.events[len(f.events)-fresh:], f.last, f.changed
}
