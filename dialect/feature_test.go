package dialect_test

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
)

// probes lists statements for each feature. If a server lacks the feature, the last statement fails or returns another row than
// "1".
var probes = map[dialect.Feature]map[string][]string{
	dialect.FeatureReturning: {"": {"CREATE TABLE returning_probe (k INT)", "INSERT INTO returning_probe VALUES (1) RETURNING k"}},
	// An unknown hint is a comment. A known hint ends this SELECT in its sleep, and the SELECT returns 1 if its sleep was ended.
	dialect.FeatureMaxExecutionTime: {"": {"SELECT /*+ MAX_EXECUTION_TIME(10) */ SLEEP(0.2)"}},
	dialect.FeatureMergePatch:       {"": {`SELECT JSON_LENGTH(JSON_MERGE_PATCH('{"a": 1}', '{"a": null}')) = 0`}},
	dialect.FeatureSkipLocked:       {"": {"CREATE TABLE skip_probe (k INT)", "INSERT INTO skip_probe VALUES (1)", "SELECT k FROM skip_probe FOR UPDATE SKIP LOCKED"}},
	dialect.FeatureNoPad: {
		"mysql": {"SELECT _utf8mb4'a' <> _utf8mb4'a ' COLLATE utf8mb4_0900_ai_ci"}, "mariadb": {"SELECT _utf8mb4'a' <> _utf8mb4'a ' COLLATE utf8mb4_nopad_bin"},
	},
	dialect.FeatureWindows:  {"": {"SELECT ROW_NUMBER() OVER ()"}},
	dialect.FeatureCheck:    {"": {"CREATE TABLE check_probe (k INT, CONSTRAINT c CHECK (k > 5))", "SELECT COUNT(*) FROM information_schema.check_constraints WHERE constraint_schema = DATABASE()"}},
	dialect.FeatureRowAlias: {"": {"CREATE TABLE alias_probe (k INT PRIMARY KEY)", "INSERT INTO alias_probe VALUES (1) AS n ON DUPLICATE KEY UPDATE k = n.k"}},
	dialect.FeatureValuesRow: {
		"mysql": {"SELECT * FROM (VALUES ROW(1)) AS v"}, "mariadb": {"SELECT * FROM (VALUES (1)) AS v"},
	},
	// If a server knows such hints, it has a warning of its own for a hint that names an index that does not exist.
	dialect.FeatureIndexHint: {"": {
		"CREATE TABLE hint_probe (k INT PRIMARY KEY)", "SELECT /*+ INDEX(hint_probe nothing) */ 1 FROM hint_probe", "GET DIAGNOSTICS CONDITION 1 @hint_probe = MYSQL_ERRNO", "SELECT @hint_probe = 3128",
	}},
}

// TestFeatures asks each server that runs for each feature of the table.
func TestFeatures(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"mariadb", "mysql57", "mysql"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := engine.Get(name).Open(t)
			d, err := dialect.Detect(t.Context(), db)
			if err != nil {
				t.Fatal(err)
			}
			conn, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			for _, f := range dialect.Features() {
				statements := probes[f][d.Name()]
				if statements == nil {
					statements = probes[f][""]
				}
				if len(statements) == 0 {
					t.Errorf("%s: no probe", f)
				}
				if has, why := probe(t.Context(), conn, statements); has != dialect.Supports(d, f) {
					t.Errorf("%s %s has %s: %t (%s), but the table says %t", d.Name(), d.Version(), f, has, why, dialect.Supports(d, f))
				}
			}
		})
	}
}

func probe(ctx context.Context, conn *sql.Conn, statements []string) (has bool, why string) {
	last := len(statements) - 1
	for _, s := range statements[:last] {
		rows, err := conn.QueryContext(ctx, s)
		if err != nil {
			return false, err.Error()
		}
		for rows.Next() {
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return false, err.Error()
		}
	}
	var answer string
	err := conn.QueryRowContext(ctx, statements[last]).Scan(&answer)
	if errors.Is(err, sql.ErrNoRows) { // the statement has worked and returns no row
		return true, ""
	}
	return err == nil && answer == "1", fmt.Sprint(answer, err)
}

var update = flag.Bool("update", false, "rewrite the generated part of docs/databases.md from what the code says now")

const (
	featuresBegin = "<!-- features: written by make generate -->\n"
	featuresEnd   = "<!-- end of features -->\n"
)

// TestGoldenFeatures compares the table in the documentation with the table in the code.
func TestGoldenFeatures(t *testing.T) {
	t.Parallel()
	const file = "../docs/databases.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), featuresBegin)
	have, tail, ok2 := strings.Cut(rest, featuresEnd)
	if !ok || !ok2 {
		t.Fatalf("%s lacks the lines %q and %q", file, featuresBegin, featuresEnd)
	}
	want := featureTable()
	if *update {
		if err := os.WriteFile(file, []byte(head+featuresBegin+want+featuresEnd+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have != want {
		t.Errorf("%s: the table is not the code's: run make generate\n%s", file, have)
	}
}

func featureTable() string {
	var b strings.Builder
	b.WriteString("| feature | MySQL | MariaDB | what for |\n|---|---|---|---|\n")
	since := func(version string) string {
		if version == "" {
			return "never"
		}
		return version
	}
	for _, f := range dialect.Features() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", f, since(f.Since("mysql")), since(f.Since("mariadb")), f.Use())
	}
	return b.String()
}

func TestMergeNeedsItsFunction(t *testing.T) {
	t.Parallel()
	for banner, want := range map[string]bool{"5.7.21": false, "5.7.22": true, "8.0.36": true, "10.5.1-MariaDB": true} {
		d, err := dialect.FromVersion(banner)
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Upsert(dialect.Upsert{
			Table: dialect.Table{Name: "t"}, Target: dialect.Target{Columns: []string{"k"}}, Rows: dialect.Rows{N: 1},
			Columns: []dialect.Column{{Name: "k", Rule: dialect.Key}, {Name: "doc", Rule: dialect.Merge}},
		})
		if (err == nil) != want {
			t.Errorf("rule merge on %s: %v, want it to be refused: %t", banner, err, !want)
		}
	}
}
