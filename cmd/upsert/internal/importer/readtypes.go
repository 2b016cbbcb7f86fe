package importer

import (
	"context"
	"fmt"
	"strings"
)

// infer finds the types of the columns and checks the rules against them. Nothing is asked of the database.
func (p *program) infer(ctx context.Context, cols []column) error {
	if err := p.readTypes(ctx, cols); err != nil {
		return err
	}
	p.inferred = true
	return checkKinds(p.cfg.cols.rules, cols)
}

// readTypes reads the file once more, on its own; standard input cannot be read twice.
func (p *program) readTypes(ctx context.Context, cols []column) error {
	typed := make([]bool, len(cols))
	var untyped []string
	for i, c := range cols {
		if _, typed[i] = p.cfg.cols.types[c.name]; !typed[i] {
			untyped = append(untyped, c.name)
		}
	}
	if p.cfg.file == "-" {
		if len(untyped) > 0 {
			return fmt.Errorf("-create cannot infer types from standard input, which is read only once: give -type for %s", strings.Join(untyped, ", "))
		}
		return nil
	}
	in, err := openInput(ctx, p.cfg, nil)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	rd, err := in.reader(p.cfg)
	if err != nil {
		return err
	}
	p.progress.start("reading types", in)
	defer p.progress.stop()
	return infer(in.name, cancellable{ctx, rd}.next, cols, typed, p.family.keyWidth(), p.cfg.reject != "", p.progress.rows)
}

// cancellable reads rows until its context ends.
type cancellable struct {
	ctx context.Context
	rd  reader
}

func (c cancellable) next() ([]cell, error) {
	if err := c.ctx.Err(); err != nil {
		return nil, err
	}
	return c.rd.next()
}
