package importer

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert/cmd/upsert/internal/cli"

	"github.com/goupsert/upsert/cmd/upsert/internal/dbtest"
)

func TestCheckKinds(t *testing.T) {
	t.Parallel()
	all := []kind{kindAny, kindText, kindInteger, kindReal, kindBoolean, kindJSON, kindTimestamp, kindFlag}
	flags, documents := []kind{kindBoolean, kindFlag}, []kind{kindJSON, kindText}
	ordered := []kind{kindAny, kindText, kindInteger, kindReal, kindTimestamp, kindFlag}
	taken := map[string][]kind{"or": flags, "and": flags, "merge": documents, "max": ordered, "min": ordered, "version": ordered}
	for _, rule := range ruleNames() {
		want, ok := taken[rule]
		if !ok {
			want = all
		}
		for _, k := range all {
			err := checkKinds([]assignment{{Column: "n", Word: rule}}, []column{{name: "m"}, {name: "n", kind: k, stored: tableColumn{declared: "NUMERIC"}}})
			var usage *cli.UsageError
			if slices.Contains(want, k) != (err == nil) || err != nil && !errors.As(err, &usage) {
				t.Errorf("rule %s on %v: error %v; taken should be %v", rule, k, err, want)
			}
		}
	}
}

func TestCheckKinds_NamesTheType(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]column{
		`-rule n=or: column "n" is of type integer, and or needs boolean (say -type n=boolean if`: {kind: kindInteger},
		`column "n" is of type numeric, and or needs boolean`:                                     {stored: tableColumn{declared: "NUMERIC"}},
		`column "n" is of type any, and or needs boolean`:                                         {},
	} {
		c.name = "n"
		wantError(t, checkKinds([]assignment{{Column: "n", Word: "or"}}, []column{c}), want)
	}
}

func TestRun_RuleAgainstTheTable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	args := []string{"-dsn", path, "-create", "-key", "id"}
	file := dbtest.WriteFile(t, "items.csv", "id,n,b,j\n1,1,true,{}\n")
	runProgram(t, append(args, "-type", "j=json", file)...).ok(t, "1 inserted")
	for rule, want := range map[string]string{
		"n=and": "needs boolean", "n=merge": "needs json or text", "b=max": "needs what has an order", "j=version": "needs what has an order",
	} {
		name, _, _ := strings.Cut(rule, "=")
		run := runProgram(t, append(args, "-rule", rule, file)...)
		run.failed(t, 2, "upsert import: -rule "+rule+`: column "`+name+`" is of type `)
		run.failed(t, 2, want)
	}
	runProgram(t, append(args, "-rule", "n=max,b=or,j=merge", file)...).ok(t, "1 unchanged")
	runProgram(t, append(args, "-type", "n=boolean", "-rule", "n=or", file)...).ok(t, "1 unchanged")
}

func TestEngines_RuleAgainstTheTable(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		args := []string{"-dsn", e.DSN(t), "-create", "-key", "id"}
		file := dbtest.WriteFile(t, "items.ndjson", `{"id":1,"n":1,"b":true,"j":{"a":1}}`)
		for range 2 { // of inferred types, and of the table's
			runProgram(t, append(args, "-rule", "n=or", file)...).failed(t, 2, `column "n" is of type integer, and or needs boolean`)
			runProgram(t, append(args, "-rule", "j=max", file)...).failed(t, 2, `column "j" is of type json, and max needs`)
			runProgram(t, append(args, "-rule", "n=merge", file)...).failed(t, 2, `column "n" is of type integer, and merge needs`)
			runProgram(t, append(args, "-rule", "n=max,b=or", file)...).ok(t, "1 row: ")
		}
	})
}
