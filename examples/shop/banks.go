package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"sync"
	"time"
)

const (
	mostBanks   = 200
	mostPlays   = 4               // of all banks at once: each has one or two processes
	mostStreams = 8               // of one browser
	leaveAfter  = 5 * time.Minute // a bank whose page nobody has open is closed
	playsEvery  = 500 * time.Millisecond
)

// bank is what one browser has: its rows in the tables have the bank's ID, and its feed is what its pages show.
type bank struct {
	id   string
	feed *feed

	mu      sync.Mutex
	playing bool
	began   time.Time // the last play
	streams int
	seen    time.Time
}

// banks are those of all browsers.
type banks struct {
	plays sync.WaitGroup
	slots chan struct{}

	mu   sync.Mutex
	byID map[string]*bank
}

func newBanks() *banks {
	return &banks{slots: make(chan struct{}, mostPlays), byID: map[string]*bank{}}
}

// errFull and errSoon are answers to those who ask for too much.
var (
	errFull = errors.New("the shop is full: come back in a while")
	errSoon = errors.New("one story at a time: wait until this one has ended")
)

// of returns the bank of a browser, or a new one, and the ones that were closed to make room.
func (b *banks) of(r *http.Request, now time.Time) (mine *bank, isNew bool, closed []*bank, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if cookie, err := r.Cookie(cookieName); err == nil {
		if mine := b.byID[cookie.Value]; mine != nil {
			mine.touch(now)
			return mine, false, nil, nil
		}
	}
	for id, old := range b.byID {
		if old.isLeft(now) {
			delete(b.byID, id)
			closed = append(closed, old)
		}
	}
	if len(b.byID) >= mostBanks {
		return nil, false, closed, errFull
	}
	mine = &bank{id: rand.Text(), feed: newFeed(), seen: now}
	b.byID[mine.id] = mine
	return mine, true, closed, nil
}

func (b *bank) touch(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen = now
}

func (b *bank) isLeft(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.streams == 0 && !b.playing && now.Sub(b.seen) > leaveAfter
}

// begin makes the bank's play the only one, or refuses. It returns when the play may begin.
func (b *bank) begin(now time.Time) (at time.Time, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.playing {
		return now, errSoon
	}
	if at = b.began.Add(playsEvery); at.Before(now) {
		at = now
	}
	b.playing, b.began = true, at
	return at, nil
}

func (b *bank) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.playing = false
}

// listen counts a stream of events, and refuses one too many.
func (b *bank) listen() (leave func(), ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.streams >= mostStreams {
		return nil, false
	}
	b.streams++
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.streams--
		b.seen = time.Now()
	}, true
}

// play plays a story for a bank once there is a slot. The play does not end with the request that asked for it, but with the program.
func (h *host) play(b *bank, s *story, with bool, typed address) error {
	at, err := b.begin(time.Now())
	if err != nil {
		return err
	}
	h.banks.plays.Go(func() {
		end := h.playAt(at, b, s, with, typed)
		b.end() // before the page hears that it may ask for the next
		if end != nil {
			b.feed.publish(*end)
		}
	})
	return nil
}

// playAt returns how the play ended, or nil if the program ended before.
func (h *host) playAt(at time.Time, b *bank, s *story, with bool, typed address) *event {
	select {
	case <-time.After(time.Until(at)):
	case <-h.ctx.Done():
		return nil
	}
	select {
	case h.banks.slots <- struct{}{}:
		defer func() { <-h.banks.slots }()
	case <-h.ctx.Done():
		return nil
	}
	ctx, cancel := context.WithTimeout(h.ctx, longestPlay)
	defer cancel()
	end, err := newPlay(ctx, h, b, s, with, typed).run()
	switch {
	case h.ctx.Err() != nil:
		return nil
	case err != nil:
		h.log(err)
		return &event{Kind: "end", Story: s.ID, With: with, Head: "Not played", Text: "Something is wrong with the program or its database: see the terminal."}
	}
	return end
}
