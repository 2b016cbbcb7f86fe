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
	muted   atomic.Bool   // answers are read, and go nowhere
	late    atomic.Bool   // the client is gone, and its last request is not
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

// requests hands on what the client says, as long as it is told to.
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

// meet reports whether the connection goes on.
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

// finish sends the last request of a session, and returns when the server has done it and hung up: what it does before it
// hangs up, it does in order.
func (l *link) finish(request []byte) {
	if _, err := l.server.Write(append(request, l.wire.goodbye()...)); err != nil {
		return
	}
	<-l.drained
}

// answers hands on what the server says.
func (l *link) answers() {
	defer close(l.drained)
	buf := make([]byte, 64<<10)
	for {
		n, err := l.server.Read(buf)
		if n > 0 && !l.muted.Load() {
			_, _ = l.client.Write(buf[:n]) // if it is gone, requests finds out
		}
		if err != nil {
			break
		}
	}
	if !l.muted.Load() {
		l.hangUp(false)
	}
}

// hangUp ends the client's side.
func (l *link) hangUp(reset bool) {
	if reset {
		_ = l.client.SetLinger(0)
	}
	_ = l.client.Close()
}

// cut ends both sides. What waits for the server's answer stops waiting.
func (l *link) cut(reset bool) {
	l.once.Do(func() {
		close(l.ended)
		l.hangUp(reset)
		_ = l.server.Close()
	})
}
