package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/goupsert/upsert/examples/internal/command"
)

// process is a server of the shop, seen from the program that started it.
type process struct {
	name  string // "A" or "B"
	addr  string
	child *command.Child
	ended chan struct{}
	kill  func()
}

// startProcess returns once the server listens. heard is called for each report: the server goes on when heard returns true, and
// is killed if heard returns false. The process is also killed when the context ends.
func startProcess(ctx context.Context, name string, o orders, heard func(*process, report) bool) (*process, error) {
	c, err := command.Start(ctx, childVariable, o)
	if err != nil {
		return nil, err
	}
	p := &process{name: name, child: c, ended: make(chan struct{})}
	p.kill = sync.OnceFunc(func() { _ = c.Cmd.Process.Kill() })
	listening := make(chan string, 1)
	go p.read(c.Stdout, listening, heard)
	select {
	case p.addr = <-listening:
		return p, nil
	case <-p.ended:
		return nil, fmt.Errorf("the server process did not start: %s", bytes.TrimSpace(c.Stderr.Bytes()))
	}
}

// read passes reports on until the process ends.
func (p *process) read(out io.Reader, listening chan<- string, heard func(*process, report) bool) {
	defer close(p.ended)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r report
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			break
		}
		if r.Kind == "listening" {
			listening <- r.Text
		} else if !heard(p, r) {
			break
		}
		_, _ = p.child.Stdin.Write([]byte("\n")) // a killed process reads no more
	}
	p.kill()
	_ = p.child.Cmd.Wait() // it was killed, or its errors say why it ended
}

// stop kills the process, if it has not ended, and waits for its end.
func (p *process) stop() {
	p.kill()
	<-p.ended
}
