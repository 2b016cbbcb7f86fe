package importer

import (
	"errors"
	"flag"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/goupsert/upsert/cmd/upsert/internal/cli"
)

func TestParseFlags(t *testing.T) {
	t.Parallel()
	got := parsed(t, "-dsn", "x.db", "-key", "a,b", "-key", "c", "-rule", "n=keep, o=fill", "-rule", "m=max", "-type", "n=integer,m=text",
		"-create", "-chunk", "10", "-null", "NA", "-comma", ";", "-comment", "#", "-columns", "a,b,c,n,m", "-quiet", "-in-order", "-reject", "bad.csv", "/tmp/Some Zones.csv.gz")
	want := &config{
		dsn: "x.db", table: "Some Zones", create: true,
		cols: columnFlags{
			keys: []string{"a", "b", "c"}, rules: []assignment{{Column: "n", Word: "keep"}, {Column: "o", Word: "fill"}, {Column: "m", Word: "max"}},
			types: map[string]kind{"n": kindInteger, "m": kindText},
		},
		format: fileFormat{name: "csv", null: "NA", columns: []string{"a", "b", "c", "n", "m"}, comma: ';', comment: '#'},
		chunk:  10, quiet: true, inOrder: true, reject: "bad.csv", file: "/tmp/Some Zones.csv.gz",
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v; want %+v", got, want)
	}
}

func TestParseFlags_FormatByEnding(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"a.csv": "csv", "a.CSV.GZ": "csv", "a.tsv": "tsv", "a.tab": "tsv", "a.ndjson": "ndjson", "a.jsonl.gz": "ndjson",
	} {
		if got := parsed(t, "-key", "a", file).format.name; got != want {
			t.Errorf("%s is read as %s; want %s", file, got, want)
		}
	}
}

func TestParseFlags_Refuses(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"":                             "no file is given",
		"-key a":                       "no file is given",
		"f.csv":                        "-key is missing",
		"-key a f.csv -create":         `after "f.csv" there is "-create"`,
		"-key a, f.csv":                "an empty name",
		"-key a -rule n=nearest f.csv": "-rule n=nearest: there is no such rule: give one of replace keep",
		"-key a -rule n f.csv":         `"n": give it as column=word, or several with commas between`,
		"-key a -type n=text,m f.csv":  `"m": give it as column=word`,
		"-key a -type n=text,m=text,n=real f.csv": `column "n" is given twice`,
		"-key a -rule n=keep,m=nearest f.csv":     "-rule m=nearest: there is no such rule",
		"-key a -rule n=keep -rule n=or f.csv":    `column "n" is given twice`,
		"-key a -rule n=add f.csv":                "twice would count twice. So import does not offer it",
		"-key a -rule n=generated f.csv":          "leave it out of the file",
		"-key a -rule n=key f.csv":                "say -key n",
		"-key a -rule a=keep f.csv":               "the column is a -key",
		"-key a -type n=number f.csv":             `there is no type "number": give one of integer, real`,
		"-key a -chunk -1 f.csv":                  "-chunk -1",
		"-key a -chunk x f.csv":                   "invalid value",
		"-key a -nul x f.csv":                     "flag provided but not defined: -nul: is -null meant?",
		"-key a f.txt":                            `the ending of "f.txt" does not say its format`,
		"-key a -format xml f.csv":                "-format xml",
		"-key a -format csv -":                    "-table is missing",
		"-key a .csv":                             "-table is missing",
		"-key a -comma ;; f.csv":                  `-comma ";;": give one character`,
		"-key a -comment \" f.csv":                "give one character that is no quote",
		"-key a -comma # -comment # f.csv":        "the same character",
		"-key a -null NA f.ndjson":                "are about CSV",
	} {
		_, err := parseFlags(strings.Fields(args), io.Discard)
		var usage *cli.UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), strings.ReplaceAll(want, "replace keep", "replace, keep")) {
			t.Errorf("upsert import %s: error %v; want one of usage with %q", args, err, want)
		}
	}
}

func TestParseFlags_Help(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if _, err := parseFlags([]string{"-h"}, &out); !errors.Is(err, flag.ErrHelp) {
		t.Fatalf("error %v; want flag.ErrHelp", err)
	}
	newFlagSet(&config{}, &raw{}).VisitAll(func(f *flag.Flag) {
		if !strings.Contains(out.String(), "  -"+f.Name) {
			t.Errorf("-h does not say what -%s is", f.Name)
		}
	})
	if !strings.Contains(out.String(), "upsert import -create -key tz") {
		t.Error("-h has no example")
	}
}

// A file may come twice, so only rules that are safe to repeat are offered.
func TestRuleNames(t *testing.T) {
	t.Parallel()
	const want = "replace keep fill coalesce max min or and merge version touch"
	if got := strings.Join(ruleNames(), " "); got != want {
		t.Errorf("the rules are %q; want %q", got, want)
	}
}
