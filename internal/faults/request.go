package faults

import "strings"

// Request is what a proxy's client waits for an answer to. What comes before a session is ready is none.
type Request struct {
	Index int // in the proxy's life, from 0
	Conn  int // of its connections, from 0
	Kind  Kind
	Text  string // "" where the wire does not say it
}

// Fate is what becomes of a request.
type Fate int

const (
	// Pass: it arrives, and so does its answer.
	Pass Fate = iota
	// Swallow: it does not arrive, and the connection ends.
	Swallow
	// SwallowReset is Swallow with a reset.
	SwallowReset
	// Lose: it arrives and is done, the server ends the session, and in place of the answer the connection ends.
	Lose
	// LoseReset is Lose with a reset.
	LoseReset
	// Late: the connection ends, and the request arrives at the next [Proxy.Release].
	Late
	// Silence: it does not arrive, and the connection neither ends nor brings anything any more, until [Proxy.Cut].
	Silence
)

func (f Fate) String() string {
	names := [...]string{"pass", "swallow", "swallow-reset", "lose", "lose-reset", "late", "silence"}
	return names[f]
}

func (f Fate) reset() bool { return f == SwallowReset || f == LoseReset }

// Rule decides. Several connections may ask at once.
type Rule func(Request) Fate

// Nth is a rule for the request with that index.
func Nth(index int, f Fate) Rule {
	return func(r Request) Fate {
		if r.Index == index {
			return f
		}
		return Pass
	}
}

// message is what is read from a client in one go.
type message struct {
	bytes   []byte
	request bool // it is answered, and may be judged
	kind    Kind
	text    string
}

// wire reads a client's side of a protocol.
type wire interface {
	// read returns the next message, or all that belong to the next request.
	read() (message, error)

	// goodbye is what ends a session after everything that was sent before it is done.
	goodbye() []byte
}

// shorten keeps a text that was found in binary data printable.
func shorten(b []byte) string { return strings.ToValidUTF8(string(b), "?") }
