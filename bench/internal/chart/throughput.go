package chart

import (
	"image/color"
	"slices"

	"github.com/goupsert/upsert/bench/internal/contest"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// family is a bar of every group: the best of the ways that keep holds for.
type family struct {
	name string
	fill color.Color
	keep func(*contest.Series) bool
}

func families() []family {
	ofName := func(names ...string) func(*contest.Series) bool {
		return func(s *contest.Series) bool { return slices.Contains(names, s.Way.Name) }
	}
	ofKind := func(k contest.Kind) func(*contest.Series) bool {
		return func(s *contest.Series) bool { return s.Way.Kind == k }
	}
	return []family{
		{"upsert", rgb(0x1f6feb), func(s *contest.Series) bool { return s.Way.Name == "upsert" && s.Way.Driver != "pgx" }},
		{"upsert over pgx", rgb(0x79b0ff), func(s *contest.Series) bool { return s.Way.Name == "upsert" && s.Way.Driver == "pgx" }},
		{"upsert, LOAD DATA", rgb(0x0b3d91), ofName("upsert, LOAD DATA")},
		{"best by hand", rgb(0x57606a), ofKind(contest.ByHand)},
		{"GORM", rgb(0xd1495b), ofName("GORM", "GORM, interpolated")},
		{"bun", rgb(0xe8963a), ofName("bun")},
		{"sqlx", rgb(0x6a9f58), ofName("sqlx", "sqlx, interpolated")},
		{"goqu", rgb(0xa98bc4), ofName("goqu")},
		{"server-side limit", rgb(0xc9d1d9), ofKind(contest.Limit)},
	}
}

const (
	panelWidth  = 900 * vg.Length(1)
	panelHeight = 230 * vg.Length(1)
	groupShare  = 0.86 // of a group's width that has bars
)

// Throughput draws rows a second: a panel an engine, a group a case, a bar a library.
func Throughput(panels []Panel, all []*contest.Series, cases []string) *Picture {
	height := panelHeight*vg.Length(len(panels)) + 2*keyLine + 10
	return &Picture{panelWidth, height, func(c draw.Canvas) error {
		var marks []mark
		for _, f := range families() {
			if slices.ContainsFunc(all, f.keep) {
				marks = append(marks, mark{f.name, swatch(f.fill)})
			}
		}
		top := key(c, marks)
		each := (c.Max.Y - c.Min.Y - top) / vg.Length(len(panels))
		for i, panel := range panels {
			p, err := throughputPanel(panel, all, cases)
			if err != nil {
				return err
			}
			below := c.Max.Y - top - each*vg.Length(i+1)
			p.Draw(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
				Min: vg.Point{X: c.Min.X, Y: below}, Max: vg.Point{X: c.Max.X - 10, Y: below + each - 4},
			}})
		}
		return nil
	}}
}

func throughputPanel(panel Panel, all []*contest.Series, cases []string) (*plot.Plot, error) {
	p := newPlot(panel.Title)
	p.Y.Label.Text, p.Y.Min = "rows a second", 0
	lines := plotter.NewGrid()
	lines.Vertical.Width, lines.Horizontal.Color = 0, grid
	p.Add(lines)
	mine := func(f family, benchCase string) *contest.Series {
		return contest.Best(all, func(s *contest.Series) bool { return s.Engine == panel.Engine && s.Case == benchCase && f.keep(s) })
	}
	var there []family
	for _, f := range families() {
		if slices.ContainsFunc(cases, func(c string) bool { return mine(f, c) != nil }) {
			there = append(there, f)
		}
	}
	group := (panelWidth - 80) / vg.Length(len(cases))
	width := min(group*groupShare/vg.Length(max(len(there), 1)), 40)
	for i, f := range there {
		offset := width * (vg.Length(i) - vg.Length(len(there)-1)/2)
		for at, benchCase := range cases {
			s := mine(f, benchCase)
			if s == nil {
				continue
			}
			if err := bar(p, at, s.Rate(), width, offset, f.fill); err != nil {
				return nil, err
			}
		}
	}
	p.NominalX(cases...)
	p.X.Min, p.X.Max = -0.5, float64(len(cases))-0.5
	p.Y.Max *= 1.12 // room for the figures
	p.Y.Tick.Marker = plot.TickerFunc(shortTicks)
	return p, nil
}

// bar draws a bar with its figure above it.
func bar(p *plot.Plot, at int, value float64, width, offset vg.Length, fill color.Color) error {
	b, err := plotter.NewBarChart(plotter.Values{value}, width*0.92)
	if err != nil {
		return err
	}
	b.XMin, b.Offset, b.Color, b.LineStyle.Width = float64(at), offset, fill, 0
	figure, err := plotter.NewLabels(plotter.XYLabels{XYs: plotter.XYs{{X: float64(at), Y: value}}, Labels: []string{short(value)}})
	if err != nil {
		return err
	}
	figure.TextStyle[0] = words(8)
	figure.TextStyle[0].XAlign = draw.XCenter
	figure.Offset = vg.Point{X: offset, Y: 2}
	p.Add(b, figure)
	return nil
}

// shortTicks are the default ones in few letters.
func shortTicks(low, high float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(low, high)
	for i, t := range ticks {
		if t.Label != "" {
			ticks[i].Label = short(t.Value)
		}
	}
	return ticks
}
