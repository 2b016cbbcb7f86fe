package faults

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// These codes replace the version in a connection's first packet.
const (
	sslRequest    = 80877103
	gssRequest    = 80877104
	cancelRequest = 80877102
)

var errEncrypted = errors.New("faults: the proxy reads no encrypted connections; connect without TLS")

// postgresWire reads version 3 of the protocol.
type postgresWire struct {
	client  io.Reader
	started bool
	texts   map[string]string // texts of prepared statements by name
}

func newPostgresWire(client io.Reader) wire {
	return &postgresWire{client: client, texts: map[string]string{}}
}

func (w *postgresWire) goodbye() []byte { return []byte{'X', 0, 0, 0, 4} }

// read joins the messages of the extended protocol up to a Sync, because the server answers after the Sync.
func (w *postgresWire) read() (message, error) {
	if !w.started {
		return w.start()
	}
	m := message{kind: Query}
	for {
		typ, body, err := w.packet(&m)
		if err != nil {
			return message{}, err
		}
		switch typ {
		case 'Q':
			m.text, m.request = cString(body), true
			m.kind = kindOf(m.text, Query)
			return m, nil
		case 'P', 'B', 'D', 'E', 'C':
			w.note(&m, typ, body)
		case 'S', 'F':
			m.request = true
			return m, nil
		default: // passwords, data of COPY, the end of the session
			return m, nil
		}
	}
}

// note records the kind and the text of a batch of the extended protocol.
func (w *postgresWire) note(m *message, typ byte, body []byte) {
	first, rest, _ := bytes.Cut(body, []byte{0})
	switch typ {
	case 'P':
		m.kind, m.text = Prepare, cString(rest)
		w.texts[string(first)] = m.text
	case 'B':
		m.text = w.texts[cString(rest)]
	case 'E':
		m.kind = kindOf(m.text, Exec)
	}
}

func (w *postgresWire) start() (message, error) {
	var m message
	body, err := w.sized(&m)
	if err != nil {
		return message{}, err
	}
	if len(body) < 4 {
		return message{}, fmt.Errorf("faults: a first packet of %d bytes", len(body))
	}
	switch binary.BigEndian.Uint32(body) {
	case sslRequest, gssRequest:
		return message{}, errEncrypted
	case cancelRequest:
		return m, nil
	}
	w.started = true
	return m, nil
}

func (w *postgresWire) packet(m *message) (typ byte, body []byte, err error) {
	var t [1]byte
	if _, err := io.ReadFull(w.client, t[:]); err != nil {
		return 0, nil, err
	}
	m.bytes = append(m.bytes, t[0])
	body, err = w.sized(m)
	return t[0], body, err
}

// sized reads a length, which counts its own bytes, and then the data of that length.
func (w *postgresWire) sized(m *message) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(w.client, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n < 4 || n > 1<<30 {
		return nil, fmt.Errorf("faults: a packet of %d bytes", n)
	}
	body := make([]byte, n-4)
	if _, err := io.ReadFull(w.client, body); err != nil {
		return nil, err
	}
	m.bytes = append(append(m.bytes, size[:]...), body...)
	return body, nil
}

func cString(b []byte) string {
	s, _, _ := bytes.Cut(b, []byte{0})
	return shorten(s)
}
