package main

import (
	"bufio"
	"compress/gzip"
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
func openInput(cfg *config, stdin io.Reader) (*input, error) {
	in := &input{name: cfg.file, size: -1}
	from := stdin
	if cfg.file == "-" {
		in.name = "stdin"
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
	from = &counter{from, &in.bytes}
	if strings.HasSuffix(strings.ToLower(cfg.file), ".gz") {
		unzipped, err := gzip.NewReader(from)
		if err != nil {
			return nil, closed(in, fmt.Errorf("%s: %w", in.name, err))
		}
		from = unzipped
	}
	in.text = skipMark(from)
	return in, nil
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
	if cfg.format == "ndjson" {
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
