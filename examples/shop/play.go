package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// play is one story, played once. The program plays the customer's phone or the queue; the servers are processes.
type play struct {
	ctx     context.Context
	host    *host
	bank    *bank
	story   *story
	with    bool
	typed   address
	network *network

	killsAfterCommit bool
	bothAtWork       chan struct{} // nil, or closed when two servers have come as far as a table

	mu       sync.Mutex
	servers  map[string]*process // by the name that requests are sent to
	atWork   []string            // the servers that have come as far as a table
	attempts int
}

// newPlay returns a play that is to be run until the context ends.
func newPlay(ctx context.Context, h *host, b *bank, s *story, with bool, typed address) *play {
	p := &play{ctx: ctx, host: h, bank: b, story: s, with: with, typed: typed, servers: map[string]*process{}}
	// net/http sends a request again by itself if a connection that it had kept is dead.
	p.network = &network{p: p, wire: &http.Transport{DisableKeepAlives: true}}
	return p
}

// longestPlay is far more time than a story needs.
const longestPlay = time.Minute

// run plays the story, publishes what happens, and returns how it ended.
func (p *play) run() (*event, error) {
	if err := p.host.reset(p.ctx, p.bank.id); err != nil {
		return nil, err
	}
	p.publish(event{Kind: "begin", Story: p.story.ID, With: p.with})
	if _, err := p.showRows(); err != nil {
		return nil, err
	}
	defer p.stop()
	for _, name := range p.story.servers() {
		if _, err := p.start(name, name); err != nil {
			return nil, err
		}
	}
	if err := p.story.play(p); err != nil {
		return nil, err
	}
	stored, err := p.showRows()
	if err != nil {
		return nil, err
	}
	o := outcome{with: p.with, requests: p.attempts, effects: stored.effects(p.story.Thing)}
	head, text := p.story.end(o)
	return &event{Kind: "end", Story: p.story.ID, With: p.with, Head: head, Text: text, OK: o.ok()}, nil
}

func (p *play) publish(e event) { p.bank.feed.publish(e) }

// showRows publishes what is stored now.
func (p *play) showRows() (*rows, error) {
	stored, err := p.host.rows(p.ctx, p.bank.id)
	if err == nil {
		p.publish(event{Kind: "rows", Rows: stored})
	}
	return stored, err
}

// start starts a server, which gets the requests that are sent to a place.
func (p *play) start(name, place string) (*process, error) {
	server, err := startProcess(p.ctx, name, orders{p.host.dsn, p.with}, p.heard)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.servers[place] = server
	p.mu.Unlock()
	p.publish(event{Kind: "note", Tone: "start", At: name, Text: fmt.Sprintf("started, process %d", server.child.Cmd.Process.Pid)})
	return server, nil
}

// replace waits for the end of a server that was killed, and starts another in its place.
func (p *play) replace(killed *process) error {
	select {
	case <-killed.ended:
		_, err := p.start("B", killed.name)
		return err
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

// route returns the server that gets the requests for a place, and counts the request.
func (p *play) route(place string) (attempt int, server *process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.attempts++
	return p.attempts, p.servers[place]
}

func (p *play) stop() {
	for _, server := range p.servers {
		server.stop()
	}
}

// heard takes a report of a server, and decides whether the server goes on or is killed.
func (p *play) heard(server *process, r report) (goOn bool) {
	note := func(tone, text string) {
		p.publish(event{Kind: "note", Tone: tone, At: server.name, Attempt: r.Attempt, Text: text})
	}
	arrow := func(tone, text string) {
		p.publish(event{Kind: "arrow", Tone: tone, From: server.name, To: "db", Attempt: r.Attempt, Text: text})
	}
	switch r.Kind {
	case "sql":
		p.publish(event{Kind: "sql", At: server.name, Attempt: r.Attempt, Text: r.Text, Args: r.Args})
		if tone, text := p.describe(r.Text); text != "" {
			arrow(tone, text)
		}
		p.hold(server, r.Text)
	case "outcome": // of a Put
		arrow("write", written[r.Text]+", "+strings.TrimPrefix(r.Args[0], "1 "))
	case "replay":
		note("replay", p.story.known())
	case "wait":
		if p.story.isCrowded() { // else the key was looked up, and nobody was waited for
			note("wait", fmt.Sprintf("the key is taken: waited %d ms", r.Took.Milliseconds()))
		}
	case "committed":
		if p.killsAfterCommit {
			p.killsAfterCommit = false
			note("kill", "killed before it can answer")
			return false
		}
	}
	return true
}

// written is what a write to a table means.
var written = map[string]string{
	"shop_accounts": "balance −€40", "shop_payments": "ledger line", "shop_addresses": "address", "shop_parcels": "parcel",
}

// describe is how a statement looks in the drawing: not at all, unless it claims a key, commits, or writes without the library,
// whose own writes tell their outcome.
func (p *play) describe(text string) (tone, what string) {
	switch verb, rest, _ := strings.Cut(text, " "); {
	case text == "COMMIT":
		return "commit", "COMMIT"
	case strings.Contains(text, "INSERT") && strings.Contains(rest, keysTable):
		return "claim", p.story.claims()
	case p.with || verb != "INSERT" && verb != "UPDATE":
		return "", ""
	default:
		for table, what := range written {
			if strings.Contains(rest, table) {
				return "write", what + map[string]string{"INSERT": ", inserted", "UPDATE": ", updated"}[verb]
			}
		}
		return "", ""
	}
}

// letMeet makes the two servers work on the payment at the same time: neither touches the balance until both have come as far
// as a table.
func (p *play) letMeet() {
	p.bothAtWork = make(chan struct{})
}

// hold keeps a server that is about to touch the balance until both are at work.
func (p *play) hold(server *process, statement string) {
	if p.bothAtWork == nil || !strings.Contains(statement, "shop_") {
		return
	}
	p.mu.Lock()
	if !slices.Contains(p.atWork, server.name) {
		p.atWork = append(p.atWork, server.name)
		if len(p.atWork) == 2 {
			close(p.bothAtWork)
		}
	}
	p.mu.Unlock()
	if strings.Contains(statement, "shop_accounts") {
		select {
		case <-p.bothAtWork:
		case <-p.ctx.Done():
		}
	}
}

// newKey returns a key, or a message's ID.
func newKey() string { return strings.ToLower(rand.Text()[:12]) }
