package dialect

import (
	"fmt"
	"strings"
)

// Feature is something that only some versions of MySQL and MariaDB have. Either the text of a statement depends on the
// feature, or an author of migrations should know about it.
type Feature int

// The features are in the order in which MySQL got them.
const (
	FeatureReturning Feature = iota
	FeatureMaxExecutionTime
	FeatureMergePatch
	FeatureSkipLocked
	FeatureNoPad
	FeatureWindows
	FeatureCheck
	FeatureRowAlias
	FeatureValuesRow
	FeatureIndexHint
)

// features says from which version on MySQL and MariaDB have each feature; "" means that no version has the feature.
var features = [...]struct{ name, use, mysql, mariadb string }{
	FeatureReturning:        {"INSERT … RETURNING", "outcomes and generated columns in one statement, also of a batch", "", "10.5.0"},
	FeatureMaxExecutionTime: {"the hint MAX_EXECUTION_TIME", "a look at a key that waits 20 ms at most", "5.7.8", ""},
	FeatureMergePatch:       {"JSON_MERGE_PATCH", "rule `merge`", "5.7.22", "10.2.25"},
	FeatureSkipLocked:       {"SKIP LOCKED", "a replay in one round trip beside the claim that writes it; a GC that waits for nobody", "8.0.1", "10.6.0"},
	FeatureNoPad:            {"collations that tell 'a' from 'a '", "keys of text that end in blanks", "8.0.1", "10.2.2"},
	FeatureWindows:          {"window functions", "nothing the library sends", "8.0.2", "10.2.0"},
	FeatureCheck:            {"CHECK that is enforced", "tables of keys that refuse what no claim writes", "8.0.16", "10.2.1"},
	FeatureRowAlias:         {"VALUES (…) AS alias", "the row that was to be inserted, in place of VALUES(), which is deprecated", "8.0.19", ""},
	FeatureValuesRow:        {"VALUES ROW(…), or VALUES (…), as a table", "many keys in one statement", "8.0.19", "10.3.3"},
	FeatureIndexHint:        {"the hint INDEX", "a DELETE by key that reads no other rows", "8.0.20", ""},
}

// String returns the feature's name in SQL.
func (f Feature) String() string {
	if f < 0 || int(f) >= len(features) {
		return fmt.Sprintf("Feature(%d)", int(f))
	}
	return features[f].name
}

// Use says what the library does with the feature.
func (f Feature) Use() string { return features[f].use }

// Since returns the first version of the database that has the feature. database is a [Dialect.Name], "mysql" or "mariadb".
// Since returns "" if no version has the feature, and for any other database.
func (f Feature) Since(database string) string {
	switch database {
	case "mysql":
		return features[f].mysql
	case "mariadb":
		return features[f].mariadb
	}
	return ""
}

// Features returns all features, in a fixed order.
func Features() []Feature {
	all := make([]Feature, len(features))
	for i := range all {
		all[i] = Feature(i)
	}
	return all
}

// Supports reports whether d, a MySQL or MariaDB, has the feature at d's version. If d has no version, because no server was
// asked, Supports returns false. [Detect] asks the server.
func Supports(d Dialect, f Feature) bool { return supports(d.Name(), d.Version(), f) }

func supports(database, version string, f Feature) bool {
	since := f.Since(database)
	return since != "" && AtLeast(version, versionParts(since)...)
}

func versionParts(version string) (parts []int) {
	for part := range strings.SplitSeq(version, ".") {
		n := 0
		for _, digit := range part {
			n = 10*n + int(digit-'0')
		}
		parts = append(parts, n)
	}
	return parts
}
