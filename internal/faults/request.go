package faults

import "strings"

// Request is a message of a proxy's client that the server must answer. Messages before the session is ready do not count.
type Request struct {
	Index int // counts from 0 for each proxy
	Conn  int // number of the connection, from 0
	Kind  Kind
	Text  string // "" if the message does not contain the text
}

// Fate says what happens to a request.
type Fate int

const (
	// Pass lets the request and its answer arrive.
	Pass Fate = iota
	// Swallow drops the request and closes the connection.
	Swallow
	// SwallowReset is Swallow with a reset.
	SwallowReset
	// Lose delivers the request. The server executes the request and ends the session. Then the connection closes instead of
	// delivering the answer.
	Lose
	// LoseReset is Lose with a reset.
	LoseReset
	// Late closes the connection and delivers the request at the next [Proxy.Release].
	Late
	// Silence drops the request. The connection stays open without any further message until [Proxy.Cut].
	Silence
)

func (f Fate) String() string {
	names := [...]string{"pass", "swallow", "swallow-reset", "lose", "lose-reset", "late", "silence"}
	return names[f]
}

func (f Fate) reset() bool { return f == SwallowReset || f == LoseReset }

// Rule decides about the fate of a request. Several connections may call it at once.
type Rule func(Request) Fate

// Nth is a rule that applies the fate to the request with the given index.
func Nth(index int, f Fate) Rule {
	return func(r Request) Fate {
		if r.Index == index {
			return f
		}
		return Pass
	}
}

// message is the unit in which a wire reads from a client.
type message struct {
	bytes   []byte
	request bool // the server answers the message, so a rule may decide about it
	kind    Kind
	text    string
}

// wire reads a client's side of a protocol.
type wire interface {
	// read returns the next message, or all messages that belong to the next request.
	read() (message, error)

	// goodbye returns the message that ends a session after the server has executed everything sent before.
	goodbye() []byte
}

// shorten makes text from binary data printable.
func shorten(b []byte) string { return strings.ToValidUTF8(string(b), "?") }
