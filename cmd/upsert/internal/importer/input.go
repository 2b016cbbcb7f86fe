package importer

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
)

// input is the opened file: what is read of it, counted as it lies on the disk.
type input struct {
	// name is how errors call the file.
	name string
	// size is the number of bytes to read, -1 when nobody knows.
	size  int64
	bytes atomic.Int64
	text  io.Reader
	file  *os.File
}

// openInput opens cfg.file, or takes stdin for "-". Close it.
func openInput(ctx context.Context, cfg *config, stdin io.Reader) (*input, error) {
	in := &input{name: cfg.file, size: -1}
	var from io.Reader
	if cfg.file == "-" {
		in.name, from = "stdin", &interruptible{ctx: ctx, from: stdin}
	} else {
		f, err := os.Open(cfg.file)
		if err != nil {
			return nil, err
		}
		in.file, from = f, f
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			in.size = info.Size()
		} else if err == nil && info.IsDir() {
			return nil, closed(f, fmt.Errorf("%s is a folder", cfg.file))
		}
	}
	text, err := unzip(&counter{from, &in.bytes}, strings.HasSuffix(strings.ToLower(cfg.file), ".gz"))
	if err != nil {
		return nil, closed(in, fmt.Errorf("%s: %w", in.name, err))
	}
	in.text = skipMark(text)
	return in, nil
}

// unzip decompresses what begins as gzip does, whatever its name: no text in UTF-8 has a second byte like gzip's. What is
// called .gz must begin so.
func unzip(from io.Reader, named bool) (io.Reader, error) {
	b := bufio.NewReaderSize(from, 64<<10)
	const magic = "\x1f\x8b"
	if start, err := b.Peek(len(magic)); named || err == nil && string(start) == magic {
		return gzip.NewReader(b)
	}
	return b, nil
}

func closed(c io.Closer, err error) error {
	_ = c.Close()
	return err
}

// Close closes the file; standard input stays open.
func (in *input) Close() error {
	if in.file == nil {
		return nil
	}
	return in.file.Close()
}

// reader reads the file in its format.
func (in *input) reader(cfg *config) (reader, error) {
	if cfg.format.name == "ndjson" {
		return newNDJSON(in.name, in.text)
	}
	return newCSV(in.name, in.text, cfg)
}

// skipMark skips the byte order mark that spreadsheets write: it would be a part of the first column's name.
func skipMark(r io.Reader) io.Reader {
	b := bufio.NewReaderSize(r, 64<<10)
	if mark, err := b.Peek(3); err == nil && string(mark) == "\uFEFF" {
		_, _ = b.Discard(3)
	}
	return b
}

type counter struct {
	from  io.Reader
	bytes *atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}

// interruptible is a standard input whose reads end with a context. A read from a terminal or a pipe waits for whoever
// writes there, and would keep the program from cleaning up.
type interruptible struct {
	ctx  context.Context
	from io.Reader
	// read is what one read has brought. The goroutine of a read that was given up ends with the program.
	read chan chunk
	rest chunk
}

type chunk struct {
	bytes []byte
	err   error
}

func (r *interruptible) Read(p []byte) (int, error) {
	if len(r.rest.bytes) == 0 && r.rest.err == nil {
		if err := r.fetch(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.rest.bytes)
	if r.rest.bytes = r.rest.bytes[n:]; len(r.rest.bytes) > 0 {
		return n, nil
	}
	return n, r.rest.err
}

func (r *interruptible) fetch() error {
	if r.read == nil {
		r.read = make(chan chunk, 1)
	}
	go func() {
		buffer := make([]byte, 64<<10)
		n, err := r.from.Read(buffer)
		r.read <- chunk{buffer[:n], err}
	}()
	select {
	case r.rest = <-r.read:
		return r.ctx.Err()
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
}
