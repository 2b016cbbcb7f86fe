// Package chart draws what was measured.
package chart

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Panel is an engine's place in a picture.
type Panel struct {
	Engine string // as the series have it
	Title  string
}

// Picture is something to be drawn, of a size.
type Picture struct {
	width, height vg.Length
	draw          func(draw.Canvas) error
}

// SVG writes a picture. Who looks at it may not have the fonts it was laid out with, but one with the same widths.
func (p *Picture) SVG(w io.Writer) error {
	c := vgsvg.New(p.width, p.height)
	if err := p.Draw(draw.New(c)); err != nil {
		return err
	}
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return err
	}
	_, err := w.Write(bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans;"),
		[]byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;")))
	return err
}

// Size is how large the picture is.
func (p *Picture) Size() (width, height vg.Length) { return p.width, p.height }

// Draw draws the picture anywhere, on white: pages can be dark.
func (p *Picture) Draw(c draw.Canvas) error {
	swatch(color.White)(&c, c.Rectangle)
	return p.draw(c)
}

var (
	ink  = color.Gray{Y: 0x33}
	grid = color.Gray{Y: 0xe4}
)

func rgb(hex uint32) color.Color {
	return color.NRGBA{R: uint8(hex >> 16), G: uint8(hex >> 8), B: uint8(hex), A: 0xff}
}

func sans(size vg.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}

func words(size vg.Length) text.Style {
	return text.Style{Color: ink, Font: sans(size), Handler: plot.DefaultTextHandler}
}

// newPlot is an empty plot in our style.
func newPlot(title string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = color.White
	p.Title.Text, p.Title.TextStyle.Font, p.Title.TextStyle.Color = title, sans(13), ink
	p.Title.Padding = vg.Points(8)
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font, axis.Label.TextStyle.Color = sans(10), ink
		axis.Tick.Label.Font, axis.Tick.Label.Color = sans(10), ink
		axis.Color, axis.Tick.Color = ink, ink
	}
	return p
}

// mark is what stands for something in the key.
type mark struct {
	name string
	draw func(c *draw.Canvas, at vg.Rectangle)
}

func swatch(fill color.Color) func(*draw.Canvas, vg.Rectangle) {
	return func(c *draw.Canvas, at vg.Rectangle) {
		c.FillPolygon(fill, []vg.Point{at.Min, {X: at.Min.X, Y: at.Max.Y}, at.Max, {X: at.Max.X, Y: at.Min.Y}})
	}
}

func stroke(style draw.LineStyle) func(*draw.Canvas, vg.Rectangle) {
	return func(c *draw.Canvas, at vg.Rectangle) {
		mid := (at.Min.Y + at.Max.Y) / 2
		c.StrokeLine2(style, at.Min.X, mid, at.Max.X, mid)
	}
}

const (
	markWidth  = 18 * vg.Length(1)
	markHeight = 9 * vg.Length(1)
	keyLine    = 18 * vg.Length(1)
)

// key writes the marks in lines from the top of the canvas and returns the height it took.
func key(c draw.Canvas, marks []mark) vg.Length {
	style := words(10)
	x, y := c.Min.X+10, c.Max.Y-keyLine
	for _, m := range marks {
		width := markWidth + 5 + style.Width(m.name) + 16
		if x+width > c.Max.X {
			x, y = c.Min.X+10, y-keyLine
		}
		m.draw(&c, vg.Rectangle{Min: vg.Point{X: x, Y: y}, Max: vg.Point{X: x + markWidth, Y: y + markHeight}})
		c.FillText(style, vg.Point{X: x + markWidth + 5, Y: y + 0.5}, m.name)
		x += width
	}
	return c.Max.Y - y + 8
}

// short is a number in few letters: 1.2M, 143k, 12k, 870.
func short(x float64) string {
	unit := ""
	switch {
	case x >= 999_500:
		x, unit = x/1e6, "M"
	case x >= 999.5:
		x, unit = x/1e3, "k"
	}
	if x < 10 && x != math.Trunc(x) {
		return fmt.Sprintf("%.1f%s", x, unit)
	}
	return fmt.Sprintf("%.0f%s", x, unit)
}
