package faults

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
)

// Proxy stands between a driver and a server. Its methods may be called at any time.
type Proxy struct {
	ns      *engine.Namespace
	via     func(dsn, door string) (address, string, error)
	newWire func(client io.Reader) wire
	server  address
	door    net.Listener
	running sync.WaitGroup

	mu       sync.Mutex
	rule     Rule
	requests []Request
	links    []*link
	release  chan struct{} // closed by Release
	closed   bool
	failures []error
}

// NewProxy returns a proxy in front of the namespace's server that lets everything pass. It ends with the test, and fails
// it if it met what it could not read. There is none for SQLite, which has no wire.
func NewProxy(t testing.TB, ns *engine.Namespace) *Proxy {
	t.Helper()
	p := &Proxy{ns: ns, via: mysqlVia, newWire: newMySQLWire, release: make(chan struct{})}
	switch ns.Engine().Dialect() {
	case "sqlite":
		t.Fatal("faults: SQLite has no wire to put a proxy on")
	case "postgres":
		p.via, p.newWire = postgresVia, newPostgresWire
	}
	var err error
	if p.door, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatalf("faults: %v", err)
	}
	if p.server, _, err = p.via(ns.DSN(), p.door.Addr().String()); err != nil {
		t.Fatalf("faults: %v", err)
	}
	p.running.Go(p.serve)
	t.Cleanup(func() {
		for _, err := range p.close() {
			t.Errorf("faults: proxy: %v", err)
		}
	})
	return p
}

// DSN returns the namespace's data source name by way of the proxy.
func (p *Proxy) DSN(opts ...engine.Option) string {
	_, dsn, _ := p.via(p.ns.DSN(opts...), p.door.Addr().String()) // NewProxy has done the same
	return dsn
}

// Obey replaces the rule.
func (p *Proxy) Obey(r Rule) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rule = r
}

// Next prepares that fate for the next request whose text contains the words, once. It returns a function that reports
// whether it has come.
func (p *Proxy) Next(words string, f Fate) (came func() bool) {
	var mu sync.Mutex
	done := false
	p.Obey(func(r Request) Fate {
		mu.Lock()
		defer mu.Unlock()
		if done || r.Kind == Prepare || !strings.Contains(r.Text, words) {
			return Pass
		}
		done = true
		return f
	})
	return func() bool {
		mu.Lock()
		defer mu.Unlock()
		return done
	}
}

// Requests returns what came so far, in order.
func (p *Proxy) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Request(nil), p.requests...)
}

// Cut ends the connections with these numbers, or all of them, on both sides. A client that has sent a request meanwhile
// does not know whether it arrived.
func (p *Proxy) Cut(reset bool, conns ...int) {
	p.mu.Lock()
	links := p.links
	p.mu.Unlock()
	if len(conns) == 0 {
		for _, l := range links {
			l.cut(reset)
		}
		return
	}
	for _, n := range conns {
		links[n].cut(reset)
	}
}

// Release sends on the requests that are Late, and returns when the server has done them and ended their sessions.
func (p *Proxy) Release() {
	p.mu.Lock()
	links := p.links
	close(p.release)
	p.release = make(chan struct{})
	p.mu.Unlock()
	for _, l := range links {
		if l.late.Load() {
			<-l.drained
		}
	}
}

func (p *Proxy) serve() {
	for {
		client, err := p.door.Accept()
		if err != nil {
			return // close has closed it
		}
		server, err := net.Dial(p.server.network, p.server.addr)
		if err != nil {
			p.keep(err)
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		l := newLink(p, len(p.links), client.(*net.TCPConn), server)
		p.links = append(p.links, l)
		if p.closed {
			l.cut(false)
		}
		p.mu.Unlock()
		p.running.Go(l.requests)
		p.running.Go(l.answers)
	}
}

func (p *Proxy) close() []error {
	_ = p.door.Close()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Cut(false)
	p.running.Wait()
	return p.failures
}

// judge numbers the request.
func (p *Proxy) judge(conn int, m message) (Fate, <-chan struct{}) {
	p.mu.Lock()
	r := Request{Index: len(p.requests), Conn: conn, Kind: m.kind, Text: m.text}
	p.requests = append(p.requests, r)
	rule, release := p.rule, p.release
	p.mu.Unlock()
	if rule == nil {
		return Pass, release
	}
	return rule(r), release
}

// fail keeps what is not the end of a connection.
func (p *Proxy) fail(err error) {
	var lost *net.OpError
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.As(err, &lost) {
		return
	}
	p.keep(err)
}

func (p *Proxy) keep(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures = append(p.failures, err)
}
