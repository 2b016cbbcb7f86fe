package main

import (
	"embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

//go:embed *.go
var source embed.FS

// piece is a declaration that the page shows.
type piece struct {
	Thing string // payment, record or message; "" for the page's list of other pieces
	With  bool
	What  string
	File  string
	Line  int
	Text  string
}

// Place is where the piece is.
func (p piece) Place() string { return fmt.Sprintf("examples/shop/%s:%d", p.File, p.Line) }

// codeLine is a line of a piece.
type codeLine struct {
	Indent, Text string
	IsCalled     bool // the library is
}

// Lines returns the piece's lines.
func (p piece) Lines() (lines []codeLine) {
	for text := range strings.Lines(p.Text) {
		isCalled := slices.ContainsFunc([]string{"httpkeys.", "idempotent.", ".Put(", "keys.Consume("}, func(call string) bool { return strings.Contains(text, call) })
		code := strings.TrimLeft(text, " ")
		lines = append(lines, codeLine{text[:len(text)-len(code)], code, isCalled})
	}
	return lines
}

// pieces are what the page says of its own code.
var pieces = []piece{
	find("shop.go", "routes", piece{Thing: "payment", With: true}, "pay"),
	find("naive.go", "pay", piece{Thing: "payment"}),
	find("shop.go", "saveAddress", piece{Thing: "record", With: true}),
	find("naive.go", "saveAddress", piece{Thing: "record"}),
	find("shop.go", "receive", piece{Thing: "message", With: true}),
	find("naive.go", "receive", piece{Thing: "message"}),
	find("shop.go", "account", piece{What: "The tags that say what makes a row the same row"}),
	find("shop.go", "openShop", piece{What: "The tables and the store of keys are opened"}),
	find("story.go", "stories", piece{What: "The stories, and what goes wrong in them"}),
	find("client.go", "pay", piece{What: "The customer’s phone asks again, with httpkeys.Transport"}),
	find("client.go", "RoundTrip", piece{What: "The network loses answers"}),
	find("process.go", "startProcess", piece{What: "A server is a process, which can be killed between two steps"}),
	find("child.go", "serveChild", piece{What: "The server process"}),
}

// find fills in the place of a declaration, its text, and the text of more declarations in the same file. A name that is not there is a mistake in
// the list above.
func find(file, name string, p piece, more ...string) piece {
	text, err := source.ReadFile(file)
	if err != nil {
		panic(err)
	}
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, text, parser.SkipObjectResolution)
	if err != nil {
		panic(err)
	}
	p.File = file
	for _, name := range append([]string{name}, more...) {
		i := slices.IndexFunc(parsed.Decls, func(d ast.Decl) bool { return declares(d, name) })
		if i < 0 {
			panic("there is no " + name + " in " + file)
		}
		from, to := files.Position(parsed.Decls[i].Pos()), files.Position(parsed.Decls[i].End())
		if p.Text == "" {
			p.Line = from.Line
		} else {
			p.Text += "\n\n"
		}
		p.Text += strings.ReplaceAll(string(text[from.Offset:to.Offset]), "\t", "    ")
	}
	return p
}

func declares(d ast.Decl, name string) bool {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return d.Name.Name == name
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				return s.Name.Name == name
			case *ast.ValueSpec:
				return s.Names[0].Name == name
			}
		}
	}
	return false
}
