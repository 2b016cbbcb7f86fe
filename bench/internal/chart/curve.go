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

const curveHeight = 440 * vg.Length(1)

// Curve draws what a row costs against the number of rows of a call, both by powers of ten: a colour an engine, a stroke a
// way.
func Curve(panels []Panel, all []*contest.Series) *Picture {
	return &Picture{panelWidth, curveHeight + 2*keyLine, func(c draw.Canvas) error {
		p := newPlot("Cost of a row, into an empty table")
		p.X.Label.Text, p.Y.Label.Text = "rows in a call", "µs a row"
		p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
		p.X.Tick.Marker, p.Y.Tick.Marker = plot.TickerFunc(decades), plot.TickerFunc(decades)
		lines := plotter.NewGrid()
		lines.Vertical.Color, lines.Horizontal.Color = grid, grid
		p.Add(lines)
		var marks []mark
		for i, panel := range panels {
			more, err := curves(p, panel, all, curveColors()[i%len(curveColors())])
			if err != nil {
				return err
			}
			marks = append(marks, more...)
		}
		widen(&p.X)
		widen(&p.Y)
		top := key(c, marks)
		p.Draw(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: c.Min, Max: vg.Point{X: c.Max.X - 16, Y: c.Max.Y - top}}})
		return nil
	}}
}

func curveColors() []color.Color {
	return []color.Color{rgb(0x2e7d32), rgb(0x1f6feb), rgb(0xd1495b), rgb(0xe8963a), rgb(0x6f42c1)}
}

// curves draws an engine's ways, the library's without gaps.
func curves(p *plot.Plot, panel Panel, all []*contest.Series, ink color.Color) ([]mark, error) {
	var ways []string
	points := map[string]plotter.XYs{}
	for _, s := range all {
		if s.Engine != panel.Engine || s.Rate() == 0 {
			continue
		}
		way := s.Way.String()
		if !slices.Contains(ways, way) {
			ways = append(ways, way)
		}
		points[way] = append(points[way], plotter.XY{X: float64(s.Rows), Y: 1e6 / s.Rate()})
	}
	var marks []mark
	for i, way := range ways {
		line, dots, err := plotter.NewLinePoints(points[way])
		if err != nil {
			return nil, err
		}
		line.Color, line.Width, line.Dashes = ink, 2, [][]vg.Length{nil, {6, 4}, {2, 3}}[i%3]
		dots.Color, dots.Radius, dots.Shape = ink, 2.5, draw.CircleGlyph{}
		p.Add(line, dots)
		marks = append(marks, mark{panel.Title + ", " + way, stroke(line.LineStyle)})
	}
	return marks, nil
}

// decades are the powers of ten, with the steps between them unnamed.
func decades(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for power := 1e-3; power <= high*10; power *= 10 {
		for step := 1.0; step < 10; step++ {
			if v := power * step; v >= low*0.999 && v <= high*1.001 {
				t := plot.Tick{Value: v}
				if step == 1 {
					t.Label = short(v)
				}
				ticks = append(ticks, t)
			}
		}
	}
	return ticks
}

// widen leaves room around the points, so that the axis has at least a decade's name.
func widen(axis *plot.Axis) {
	if axis.Min > axis.Max { // nothing was drawn
		axis.Min, axis.Max = 1, 10
	}
	axis.Min, axis.Max = axis.Min*0.8, axis.Max*1.25
}
