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

// Proxy runs between a driver and a server. Its methods may be called at any time.
type Proxy struct {
	ns      *engine.Namespace
	via     func(dsn, door string) (address, string, error)
	newWire func(client io.Reader) wire
	server  address
	door    net.Listener
	running sync.WaitGroup
	traffic traffic
}

// traffic is what has passed through a Proxy, and what may pass.
type traffic struct {
	mu       sync.Mutex
	rule     Rule
	requests []Request
	links    []*link
	release  chan struct{} // closed by Release
	closed   bool
	failures []error
}

// NewProxy returns a proxy in front of the namespace's server. Without a rule, every request passes. The proxy ends with the
// test. It fails the test if it met a message that it could not read. SQLite has no wire and therefore no proxy.
func NewProxy(t testing.TB, ns *engine.Namespace) *Proxy {
	t.Helper()
	p := &Proxy{ns: ns, via: mysqlVia, newWire: newMySQLWire, traffic: traffic{release: make(chan struct{})}}
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

// DSN returns the namespace's data source name for a connection through the proxy.
func (p *Proxy) DSN(opts ...engine.Option) string {
	_, dsn, _ := p.via(p.ns.DSN(opts...), p.door.Addr().String()) // NewProxy has made the same call without an error
	return dsn
}

// Obey replaces the rule.
func (p *Proxy) Obey(r Rule) {
	p.traffic.mu.Lock()
	defer p.traffic.mu.Unlock()
	p.traffic.rule = r
}

// Next sets a fate for the next request whose text contains the words. The fate applies once. Next returns a function that
// reports whether that request has come.
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

// Requests returns the requests so far, in order.
func (p *Proxy) Requests() []Request {
	p.traffic.mu.Lock()
	defer p.traffic.mu.Unlock()
	return append([]Request(nil), p.traffic.requests...)
}

// Cut closes both sides of the connections with the given numbers, or of all connections. A client that has just sent a request
// does not know whether the request arrived.
func (p *Proxy) Cut(reset bool, conns ...int) {
	p.traffic.mu.Lock()
	links := p.traffic.links
	p.traffic.mu.Unlock()
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

// Release sends the requests with the fate Late. It returns when the server has executed them and ended their sessions.
func (p *Proxy) Release() {
	p.traffic.mu.Lock()
	links := p.traffic.links
	close(p.traffic.release)
	p.traffic.release = make(chan struct{})
	p.traffic.mu.Unlock()
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
			return // close has closed the door
		}
		server, err := net.Dial(p.server.network, p.server.addr)
		if err != nil {
			p.keep(err)
			_ = client.Close()
			continue
		}
		p.traffic.mu.Lock()
		l := newLink(p, len(p.traffic.links), client.(*net.TCPConn), server)
		p.traffic.links = append(p.traffic.links, l)
		if p.traffic.closed {
			l.cut(false)
		}
		p.traffic.mu.Unlock()
		p.running.Go(l.requests)
		p.running.Go(l.answers)
	}
}

func (p *Proxy) close() []error {
	_ = p.door.Close()
	p.traffic.mu.Lock()
	p.traffic.closed = true
	p.traffic.mu.Unlock()
	p.Cut(false)
	p.running.Wait()
	return p.traffic.failures
}

// judge numbers the request and asks the rule for the fate of the request.
func (p *Proxy) judge(conn int, m message) (Fate, <-chan struct{}) {
	p.traffic.mu.Lock()
	r := Request{Index: len(p.traffic.requests), Conn: conn, Kind: m.kind, Text: m.text}
	p.traffic.requests = append(p.traffic.requests, r)
	rule, release := p.traffic.rule, p.traffic.release
	p.traffic.mu.Unlock()
	if rule == nil {
		return Pass, release
	}
	return rule(r), release
}

// fail records an error unless the error is the end of a connection.
func (p *Proxy) fail(err error) {
	var lost *net.OpError
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.As(err, &lost) {
		return
	}
	p.keep(err)
}

func (p *Proxy) keep(err error) {
	p.traffic.mu.Lock()
	defer p.traffic.mu.Unlock()
	p.traffic.failures = append(p.traffic.failures, err)
}
