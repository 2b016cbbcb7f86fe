package main

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// intent is a payment that a customer means to make. Its key is made with it, before anything is sent.
type intent struct {
	Order   order  `json:"order"`
	Key     string `json:"key"`
	Outcome int    `json:"outcome,omitempty"` // the status of the answer that settled it
}

// list is what the client remembers when all else of it is gone: a file with a line for each intent, written before the
// first request, and the same line again with its outcome once there is an answer. Another client goes on from there.
type list struct {
	mu      sync.Mutex
	file    *os.File
	intents []*intent
	byKey   map[string]*intent
}

// openList reads the list that is there, if there is one, and adds to it from then on.
func openList(path string) (*list, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	l := &list{file: f, byKey: map[string]*intent{}}
	for d := json.NewDecoder(bufio.NewReader(f)); ; {
		var i intent
		switch err := d.Decode(&i); {
		case errors.Is(err, io.EOF):
			return l, nil
		case err != nil:
			return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
		}
		l.take(i)
	}
}

func (l *list) take(i intent) {
	if known := l.byKey[i.Key]; known != nil {
		*known = i
		return
	}
	l.byKey[i.Key] = &i
	l.intents = append(l.intents, &i)
}

// reopen is what a client does that was killed: it knows the file and nothing else.
func (l *list) reopen() (*list, error) {
	l.close()
	return openList(l.file.Name())
}

func (l *list) close() { _ = l.file.Close() }

// mean adds an intent.
func (l *list) mean(o order) (intent, error) {
	i := intent{Order: o, Key: rand.Text()}
	return i, l.write(i)
}

// settle notes the answer.
func (l *list) settle(i intent, status int) error {
	i.Outcome = status
	return l.write(i)
}

func (l *list) write(i intent) error {
	line, err := json.Marshal(i)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("the client's list: %w", err)
	}
	l.take(i)
	return nil
}

// all returns every intent, in the order they came.
func (l *list) all() []intent { return l.those(func(*intent) bool { return true }) }

// open returns the intents that have no answer yet.
func (l *list) open() []intent { return l.those(func(i *intent) bool { return i.Outcome == 0 }) }

func (l *list) those(which func(*intent) bool) []intent {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []intent
	for _, i := range l.intents {
		if which(i) {
			out = append(out, *i)
		}
	}
	return out
}
