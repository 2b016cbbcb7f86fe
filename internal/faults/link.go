package faults

import (
	"bufio"
	"net"
	"sync"
	"sync/atomic"
)

// link is one connection through a proxy.
type link struct {
	proxy   *Proxy
	number  int
	client  *net.TCPConn
	server  net.Conn
	wire    wire
	muted   atomic.Bool   // answers are read but not passed on
	late    atomic.Bool   // the client is gone, but its last request is still held back
	drained chan struct{} // closed when the server has ended the session
	ended   chan struct{} // closed by cut
	once    sync.Once
}

func newLink(p *Proxy, number int, client *net.TCPConn, server net.Conn) *link {
	return &link{
		proxy: p, number: number, client: client, server: server, wire: p.newWire(bufio.NewReader(client)),
		drained: make(chan struct{}), ended: make(chan struct{}),
	}
}

// requests passes the client's requests on, as long as the rule allows.
func (l *link) requests() {
	defer func() { _ = l.server.Close() }()
	for {
		m, err := l.wire.read()
		if err != nil {
			l.proxy.fail(err)
			l.hangUp(false)
			return
		}
		if !m.request {
			if _, err := l.server.Write(m.bytes); err != nil {
				return
			}
			continue
		}
		fate, release := l.proxy.judge(l.number, m)
		if !l.meet(fate, m.bytes, release) {
			return
		}
	}
}

// meet applies a fate to a request and reports whether the connection continues.
func (l *link) meet(f Fate, request []byte, release <-chan struct{}) bool {
	switch f {
	case Swallow, SwallowReset:
		l.hangUp(f.reset())
		return false
	case Lose, LoseReset:
		l.muted.Store(true)
		l.finish(request)
		l.hangUp(f.reset())
		return false
	case Late:
		l.muted.Store(true)
		l.late.Store(true)
		l.hangUp(false)
		select {
		case <-release:
			l.finish(request)
		case <-l.ended:
		}
		return false
	}
	if f == Silence {
		l.muted.Store(true)
		<-l.ended
		return false
	}
	_, err := l.server.Write(request)
	return err == nil
}

// finish sends the last request of a session and then the end of the session. It returns when the server has executed the request
// and closed the connection. The server does everything in order before it closes the connection.
func (l *link) finish(request []byte) {
	if _, err := l.server.Write(append(request, l.wire.goodbye()...)); err != nil {
		return
	}
	<-l.drained
}

// answers passes the server's answers on.
func (l *link) answers() {
	defer close(l.drained)
	buf := make([]byte, 64<<10)
	for {
		n, err := l.server.Read(buf)
		if n > 0 && !l.muted.Load() {
			_, _ = l.client.Write(buf[:n]) // if the client is gone, requests notices
		}
		if err != nil {
			break
		}
	}
	if !l.muted.Load() {
		l.hangUp(false)
	}
}

// hangUp closes the client's side.
func (l *link) hangUp(reset bool) {
	if reset {
		_ = l.client.SetLinger(0)
	}
	_ = l.client.Close()
}

// cut closes both sides. A client that waits for the server's answer stops waiting.
func (l *link) cut(reset bool) {
	l.once.Do(func() {
		close(l.ended)
		l.hangUp(reset)
		_ = l.server.Close()
	})
}
