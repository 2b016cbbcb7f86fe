// Package cli has what the subcommands share: flags that take several values, help, and errors that say what to do.
package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/goupsert/upsert/internal/words"
)

// UsageError is a command line that cannot be run.
type UsageError struct{ msg string }

func (e *UsageError) Error() string { return e.msg }

// Usagef returns a *UsageError.
func Usagef(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }

// Parse parses a subcommand's flags. It returns flag.ErrHelp after it has written help and the flags to out, and a *UsageError for
// a flag that is wrong. If no flag has the name, the error suggests the nearest.
func Parse(fs *flag.FlagSet, args []string, help string, out io.Writer) error {
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(out, help)
		fs.SetOutput(out)
		fs.PrintDefaults()
		return err
	case err != nil:
		return Usagef("%v%s", err, suggestFlag(fs, err))
	}
	return nil
}

func suggestFlag(fs *flag.FlagSet, err error) string {
	name, found := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !found {
		return ""
	}
	var known []string
	fs.VisitAll(func(f *flag.Flag) { known = append(known, f.Name) })
	near := Nearest(strings.TrimLeft(name, "-"), known)
	if near == "" {
		return ""
	}
	return ": is -" + near + " meant?"
}

// Nearest returns the known word that is most like word, or "" if none is like it.
func Nearest(word string, known []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, k := range known {
		if d := words.Distance(word, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// Suggest returns the rest of an error about a word that is none of those known.
func Suggest(word string, known []string) string {
	if near := Nearest(word, known); near != "" {
		return fmt.Sprintf("is %q meant?", near)
	}
	return "there are " + strings.Join(known, ", ")
}

// List is a flag that may be given several times, and with several words between commas.
type List []string

func (l *List) String() string { return strings.Join(*l, ",") }

// Set adds words.
func (l *List) Set(s string) error {
	for word := range strings.SplitSeq(s, ",") {
		if word = strings.TrimSpace(word); word == "" {
			return errors.New("an empty name")
		}
		*l = append(*l, word)
	}
	return nil
}

// Assignment is one column=word of a flag.
type Assignment struct{ Column, Word string }

// Assignments is a flag of the form column=word, several with commas between or given several times.
type Assignments []Assignment

func (a *Assignments) String() string { return "" }

// Set adds assignments.
func (a *Assignments) Set(s string) error {
	for one := range strings.SplitSeq(s, ",") {
		if err := a.add(strings.TrimSpace(one)); err != nil {
			return err
		}
	}
	return nil
}

func (a *Assignments) add(s string) error {
	at := strings.LastIndexByte(s, '=')
	if at < 1 || at == len(s)-1 {
		return fmt.Errorf("%s: give it as column=word, or several with commas between", strconv.Quote(s))
	}
	if a.Word(s[:at]) != "" {
		return fmt.Errorf("column %q is given twice", s[:at])
	}
	*a = append(*a, Assignment{s[:at], s[at+1:]})
	return nil
}

// Word returns the word of a column, or "".
func (a *Assignments) Word(column string) string {
	at := slices.IndexFunc(*a, func(one Assignment) bool { return one.Column == column })
	if at < 0 {
		return ""
	}
	return (*a)[at].Word
}
