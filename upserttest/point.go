package upserttest

import (
	"regexp"
	"strings"
)

// kind tells what a point is.
type kind int

const (
	statement kind = iota
	begin
	commit
	rollback
	effect // a call of [Effects]
)

// kindOf recognises the texts that begin and end a transaction.
func kindOf(text string) kind {
	word, rest, _ := strings.Cut(strings.ToUpper(strings.Trim(text, " \t\r\n;")), " ")
	switch {
	case word == "BEGIN", word == "START" && strings.HasPrefix(rest, "TRANSACTION"):
		return begin
	case word == "COMMIT", word == "END":
		return commit
	case word == "ROLLBACK" && !strings.HasPrefix(rest, "TO"):
		return rollback
	}
	return statement
}

// point is one thing that a run sends: a statement, BEGIN, COMMIT, ROLLBACK, or a call of a provider.
type point struct {
	number int // counts from 1 in each run
	kind   kind
	text   string
	stack  []uintptr
	sender string // file:line of the code under test; see caller
	inTx   bool   // a transaction was open before the point
	rows   bool   // the answer has rows
	isDeaf bool   // its context never ends
	err    error  // the driver's error
}

// caller returns the file and line of the code under test, "" if they are not known.
func (p *point) caller() string {
	if p.sender == "" {
		p.sender = callerOf(p.stack, "")
	}
	return p.sender
}

// isSent reports whether the point went through the handle; a call of a provider does not.
func (p *point) isSent() bool { return p.kind != effect }

// literal is a value in a statement's text.
var literal = regexp.MustCompile(`'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b`)

// isLike reports whether two points are the same statement, whatever the values in their texts are.
func (p *point) isLike(o *point) bool {
	if p.kind == effect && o.kind == effect {
		return true
	}
	return p.kind == o.kind && (p.text == o.text || literal.ReplaceAllString(p.text, "?") == literal.ReplaceAllString(o.text, "?"))
}

// blur replaces the values by dots that differ in another run, so that a report has the same text in each run of a test.
func (p *point) blur(o *point) {
	values := literal.FindAllString(o.text, -1)
	i := 0
	p.text = literal.ReplaceAllStringFunc(p.text, func(value string) string {
		if i++; i > len(values) || values[i-1] != value {
			return "'…'"
		}
		return value
	})
}
