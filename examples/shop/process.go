package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
)

// process is a server of the shop, seen from the program that started it.
type process struct {
	name   string // "A" or "B"
	addr   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	errors bytes.Buffer
	ended  chan struct{}
	kill   func()
}

// startProcess returns once the server listens. heard is called for each report: the server goes on when heard returns true, and
// is killed if heard returns false. The process is also killed when the context ends.
func startProcess(ctx context.Context, name string, o orders, heard func(*process, report) bool) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	p := &process{name: name, cmd: exec.CommandContext(ctx, self), ended: make(chan struct{})}
	p.kill = sync.OnceFunc(func() { _ = p.cmd.Process.Kill() })
	p.cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	p.cmd.Stderr = &p.errors
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	listening := make(chan string, 1)
	go p.read(out, listening, heard)
	select {
	case p.addr = <-listening:
		return p, nil
	case <-p.ended:
		return nil, fmt.Errorf("the server process did not start: %s", bytes.TrimSpace(p.errors.Bytes()))
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
		_, _ = p.stdin.Write([]byte("\n")) // a killed process reads no more
	}
	p.kill()
	_ = p.cmd.Wait() // it was killed, or its errors say why it ended
}

// stop kills the process, if it has not ended, and waits for its end.
func (p *process) stop() {
	p.kill()
	<-p.ended
}
