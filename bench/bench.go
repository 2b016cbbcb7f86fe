package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/goupsert/upsert/bench/internal/chart"
	"github.com/goupsert/upsert/bench/internal/place"
	"github.com/goupsert/upsert/bench/internal/progress"
	"github.com/goupsert/upsert/bench/internal/report"
	"github.com/goupsert/upsert/bench/internal/row"
	"github.com/goupsert/upsert/internal/engine"
)

// bench is one run of the program.
type bench struct {
	options  *options
	progress *progress.Progress
	stepped  func() // after every run
	results  report.Results
}

func newBench(o *options) *bench {
	return &bench{options: o, stepped: func() {}, results: report.Results{
		Date: time.Now(), Rows: o.rows, Rounds: o.rounds, Machine: report.ThisMachine(), Versions: report.ThisBuild(),
	}}
}

func (b *bench) run(ctx context.Context) error {
	b.progress = progress.New(b.runs())
	for _, name := range b.options.engines {
		if err := b.engine(ctx, name); err != nil {
			return err
		}
	}
	b.progress.Done()
	b.results.Took = time.Since(b.results.Date).Round(time.Second)
	return b.write()
}

// engine measures one engine, or what stands in for it.
func (b *bench) engine(ctx context.Context, name string) error {
	if b.engineIsThere(name) {
		return nil
	}
	err := b.stages(ctx, name)
	var skipped *place.Skipped
	if !errors.As(err, &skipped) {
		return err
	}
	e := engine.Get(name)
	b.results.Engines = append(b.results.Engines, report.Engine{Name: name, Dialect: e.Dialect(), Missing: skipped.Reason})
	if name == "postgres" {
		return b.engine(ctx, "postgres18")
	}
	b.progress.Skip(b.runsOf(e))
	return nil
}

func (b *bench) engineIsThere(name string) bool {
	return slices.ContainsFunc(b.results.Engines, func(e report.Engine) bool { return e.Name == name })
}

// stages measures what is asked for on an engine. Each stage has a namespace, and pools, of its own.
func (b *bench) stages(ctx context.Context, name string) error {
	for _, stage := range []struct {
		asked bool
		f     func(context.Context, testing.TB, *engine.Engine) error
	}{
		{true, b.describe},
		{len(b.options.batchCases()) > 0, b.batches},
		{b.options.has(single), b.singles},
		{b.options.has(breadth), b.breadth},
		{b.options.has(told), b.told},
		{b.options.has(curve), b.curve},
		{b.options.has(inSeq), b.memory},
	} {
		if !stage.asked {
			continue
		}
		if err := place.With(ctx, name, func(t testing.TB, e *engine.Engine) error { return stage.f(ctx, t, e) }); err != nil {
			return err
		}
	}
	return nil
}

// describe notes what the engine is.
func (b *bench) describe(ctx context.Context, t testing.TB, e *engine.Engine) error {
	p, err := place.New(t, e, row.Accounts().Columns)
	if err != nil {
		return err
	}
	settings, err := p.Settings(ctx)
	if err != nil {
		return err
	}
	b.results.Engines = append(b.results.Engines, report.Engine{
		Name: e.Name(), Dialect: e.Dialect(), Version: p.Version, Settings: settings, Rounds: b.roundsOn(e.Name()),
	})
	return nil
}

// step says that a run has ended.
func (b *bench) step() {
	b.progress.Step()
	b.stepped()
}

// write writes the report and the pictures.
func (b *bench) write() error {
	plots := filepath.Join(b.options.out, "plots")
	if err := os.MkdirAll(plots, 0o755); err != nil {
		return err
	}
	var panels []chart.Panel
	for _, e := range b.results.Engines {
		if e.Missing == "" {
			panels = append(panels, chart.Panel{Engine: e.Name, Title: e.Title()})
		}
	}
	pictures := map[string]*chart.Picture{}
	if len(b.results.Batches) > 0 {
		var cases []string
		for _, c := range b.options.batchCases() {
			cases = append(cases, string(c))
		}
		pictures["throughput.svg"] = chart.Throughput(panels, b.results.Batches, cases)
	}
	if len(b.results.Curve) > 0 {
		pictures["curve.svg"] = chart.Curve(panels, b.results.Curve)
	}
	for name, p := range pictures {
		var text bytes.Buffer
		if err := p.SVG(&text); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(plots, name), text.Bytes(), 0o644); err != nil {
			return err
		}
	}
	var text bytes.Buffer
	if err := b.results.Write(&text); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.options.out, "RESULTS.md"), text.Bytes(), 0o644)
}
