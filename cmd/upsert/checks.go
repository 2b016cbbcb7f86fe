package main

import (
	"strings"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/cmd/upsert/internal/cli"
)

// checks are those that -ignore takes.
var checks = []upsert.Check{
	upsert.CheckNoTable, upsert.CheckNoColumn, upsert.CheckNotWritable, upsert.CheckNoUniqueIndex, upsert.CheckConstraintColumns,
	upsert.CheckNullableKey, upsert.CheckKeyCollation, upsert.CheckKeyPadding, upsert.CheckEngine, upsert.CheckComputedColumn,
	upsert.CheckMandatoryColumn, upsert.CheckNotNull, upsert.CheckType, upsert.CheckRange, upsert.CheckLength, upsert.CheckPrecision,
	upsert.CheckRights, upsert.CheckNotStrict, upsert.CheckNoMergeFunction,
	upsert.CheckOtherUniqueIndex, upsert.CheckTrigger, upsert.CheckRowSecurity, upsert.CheckView, upsert.CheckPartitions,
	upsert.CheckPooler, upsert.CheckUnenforced, upsert.CheckUnlogged,
}

// checksOf returns the checks of -ignore. A dash stands for a blank, so that nobody needs quotes.
func checksOf(names []string) (found []upsert.Check, err error) {
	known := map[string]upsert.Check{}
	var list []string
	for _, c := range checks {
		known[dashed(string(c))] = c
		list = append(list, dashed(string(c)))
	}
	for _, name := range names {
		c, ok := known[dashed(name)]
		if !ok {
			return nil, cli.Usagef("-ignore %s: there is no such check: %s", name, cli.Suggest(dashed(name), list))
		}
		found = append(found, c)
	}
	return found, nil
}

func dashed(name string) string { return strings.ReplaceAll(name, " ", "-") }
