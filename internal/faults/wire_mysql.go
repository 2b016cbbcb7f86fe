package faults

import (
	"encoding/binary"
	"fmt"
	"io"
)

// These constants are the commands of the client/server protocol that this package distinguishes.
const (
	comQuit             = 0x01
	comQuery            = 0x03
	comPing             = 0x0e
	comStmtPrepare      = 0x16
	comStmtExecute      = 0x17
	comStmtSendLongData = 0x18
	comStmtClose        = 0x19

	maxPacket = 1<<24 - 1
	clientSSL = 0x800
)

// mysqlWire reads the uncompressed client/server protocol of MySQL and MariaDB.
type mysqlWire struct {
	client io.Reader
	greet  bool // the client has answered the greeting
}

func newMySQLWire(client io.Reader) wire { return &mysqlWire{client: client} }

func (w *mysqlWire) goodbye() []byte { return []byte{1, 0, 0, 0, comQuit} }

func (w *mysqlWire) read() (message, error) {
	var m message
	seq, body, err := w.packet(&m)
	if err != nil {
		return message{}, err
	}
	if !w.greet {
		if len(body) >= 4 && binary.LittleEndian.Uint32(body)&clientSSL != 0 {
			return message{}, errEncrypted
		}
		w.greet = true
		return m, nil
	}
	if seq == 0 && len(body) > 0 { // other packets continue an exchange, for example authentication
		w.command(&m, body)
	}
	return m, nil
}

func (w *mysqlWire) command(m *message, body []byte) {
	switch body[0] {
	case comQuit, comStmtClose, comStmtSendLongData:
		return // the server does not answer these commands
	case comQuery:
		m.text = shorten(body[1:])
		m.kind = kindOf(m.text, Query)
	case comPing:
		m.kind = Ping
	case comStmtPrepare:
		m.kind, m.text = Prepare, shorten(body[1:])
	case comStmtExecute:
		m.kind = Exec
	default:
		m.kind, m.text = Exec, fmt.Sprintf("command %d", body[0])
	}
	m.request = true
}

// packet joins a packet of full size with the packets that continue it.
func (w *mysqlWire) packet(m *message) (seq byte, body []byte, err error) {
	for first := true; ; first = false {
		var head [4]byte
		if _, err := io.ReadFull(w.client, head[:]); err != nil {
			return 0, nil, err
		}
		if first {
			seq = head[3]
		}
		n := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
		part := make([]byte, n)
		if _, err := io.ReadFull(w.client, part); err != nil {
			return 0, nil, err
		}
		m.bytes = append(append(m.bytes, head[:]...), part...)
		body = append(body, part...)
		if n < maxPacket {
			return seq, body, nil
		}
	}
}
