package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"math"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/goupsert/upsert/examples/internal/statements"
)

// killer stands between database/sql and a driver, counts statements and, at the one it was told, ends the process: before
// the statement is sent, or after it was carried out and before anybody has heard.
type killer struct {
	left  atomic.Int64
	after bool
	die   func(point string)
}

// newKiller returns one that lets everything through until it is armed.
func newKiller(after bool, die func(point string)) *killer {
	k := &killer{after: after, die: die}
	k.left.Store(math.MaxInt64)
	return k
}

// arm makes the n-th statement from now on the last.
func (k *killer) arm(n int64) { k.left.Store(n) }

func (k *killer) statement(text string, run func() error) error {
	// Not only 0: a statement that comes again may have given another goroutine's its turn.
	last := k.left.Add(-1) <= 0
	if last && !k.after {
		k.die("before " + point(text))
	}
	err := run()
	switch {
	case errors.Is(err, driver.ErrSkip):
		k.left.Add(1) // it comes again, prepared
	case last && k.after:
		k.die("after " + point(text))
	}
	return err
}

// point names a statement by its verb and its table: those of what it writes, if it writes anything.
func point(text string) string {
	verb, read := "", ""
	words := strings.Fields(text)
	for i, word := range words {
		word = strings.ToUpper(strings.Trim(word, "("))
		if verb == "" {
			verb = word
		}
		after := slices.Concat(words[i+1:], []string{"", ""})
		switch {
		case word == "INSERT", word == "DELETE":
			return strings.TrimSpace(word + " " + tableIn(after[1])) // INTO, FROM between them
		case word == "UPDATE" && i == 0:
			return strings.TrimSpace(word + " " + tableIn(after[0]))
		case (word == "FROM" || word == "JOIN") && read == "":
			read = tableIn(after[0])
		}
	}
	if verb == "WITH" {
		verb = "SELECT"
	}
	return strings.TrimSpace(verb + " " + read)
}

// tableIn is the table's name at the beginning of a word: "" if there is none, or only one that the statement has made up.
func tableIn(word string) string {
	word, _, _ = strings.Cut(word, "(")
	word = strings.Trim(word, "`\";,)")
	if strings.HasPrefix(word, "_") {
		return ""
	}
	return word
}

// wrap makes every statement of a connector one that the killer counts.
func (k *killer) wrap(inner driver.Connector) driver.Connector {
	return statements.Watch(inner, func(_ context.Context, text string, _ []driver.NamedValue, run func() error) error {
		return k.statement(text, run)
	})
}
