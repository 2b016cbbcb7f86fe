package parse_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/syntaxtest"
)

// The structure of package keys' statements, told by PostgreSQL's parser, MySQL's grammar and, on SQLite, the database
// itself. What a statement may do is said here once for all of them.

// claimStatements of the variants, but at least one.
func claimStatements(t *testing.T, variants ...string) []syntaxtest.ClaimStatement {
	t.Helper()
	all, err := syntaxtest.ClaimStatements(variants...)
	if err != nil || len(all) == 0 {
		t.Fatalf("%d statements of %v, error %v", len(all), variants, err)
	}
	return all
}

// indexed are the columns in the table's indexes. TestClaimIndexes holds the migrations to them.
var indexed = []string{"key_hash", "expires_at"}

// writes is what each case may assign to rows that are there, apart from the key to itself.
var writes = map[string][]string{
	"record":        {"state", "result", "codec", "finished_at"},
	"record-failed": {"state", "result", "codec", "finished_at"},
	"record-empty":  {"state", "result", "codec", "finished_at"},
	// A message that waits for another attempt is removed by GC once it is done.
	"filter":    {"state", "owner", "attempts", "result", "codec", "finished_at", "expires_at"},
	"fail":      {"attempts", "result", "owner", "state"},
	"fail-once": {"attempts", "result", "owner", "state"},
	"revive":    {"state", "attempts"},

	"lease-take-over": {"state", "fence", "attempts", "owner", "result", "codec", "lease_until", "expires_at"},
	"lease-take-free": {"state", "fence", "attempts", "owner", "result", "codec", "lease_until", "claimed_at", "fingerprint_version", "fingerprint", "expires_at"},
	"lease-renew":     {"lease_until"},
	"lease-finish":    {"state", "result", "codec", "owner", "finished_at", "expires_at"},
	"lease-decide":    {"state", "result", "codec", "owner", "finished_at", "expires_at"},
	"lease-note":      {"result", "codec"},
	"lease-park":      {"state", "lease_until", "expires_at"},
	"lease-park-note": {"state", "lease_until", "expires_at", "result", "codec"},
	"lease-release":   {"state", "result", "codec", "owner", "expires_at"},
}

// movesExpiry are the cases that assign the indexed expires_at. A leased key's statements assign the same value as before,
// which writes no index, unless the key has been held for half of its retention. A parked key never expires.
var movesExpiry = []string{"filter", "lease-take-over", "lease-take-free", "lease-finish", "lease-decide", "lease-park", "lease-park-note", "lease-release"}

// assigned tells what is wrong with the columns that a statement assigns.
func assigned(name string, columns []string) (faults []string) {
	have, want := slices.Clone(columns), slices.Clone(writes[name])
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		faults = append(faults, "it assigns "+strings.Join(have, ", ")+", and not "+strings.Join(want, ", "))
	}
	for _, c := range columns {
		if slices.Contains(indexed, c) && (c != "expires_at" || !slices.Contains(movesExpiry, name)) {
			faults = append(faults, "it assigns the indexed column "+c)
		}
	}
	return faults
}

// fixedText are the texts that statements have besides values.
var fixedText = regexp.MustCompile(`^(hex|UTF8|,|now|epoch|%s|%f|%Y-%m-%d %H:%M:%f|[+]\d+\.\d{3} seconds|\d+ microseconds|1970-01-01|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{3}|)([+]00|)|UTC|YYYY-MM-DD HH24:MI:SS\.US|lock_timeout|\d+ms)?$`)

var hexDigits = regexp.MustCompile(`^[0-9a-f,]*$`)

// harmless: a text is hexadecimal digits or one of the library's own.
func harmless(text string) bool { return hexDigits.MatchString(text) || fixedText.MatchString(text) }

// rowLocks are the cases that lock rows to remove them.
func rowLocks(name string) bool {
	return slices.Contains([]string{"sweep", "expired", "expired-again", "sweep-free", "expired-free"}, name)
}

// TestClaimFaultsAreSeen: what assigned and harmless are trusted to see.
func TestClaimFaultsAreSeen(t *testing.T) {
	t.Parallel()
	for fault, c := range map[string]struct {
		name    string
		columns []string
	}{
		"indexed column key_hash":    {"record", []string{"key_hash"}},
		"indexed column expires_at":  {"record", []string{"state", "expires_at"}},
		"it assigns codec, state":    {"record", []string{"state", "codec"}},
		"it assigns fence":           {"claim", []string{"fence"}},
		"it assigns , and not codec": {"record", nil},
	} {
		if have := strings.Join(assigned(c.name, c.columns), "; "); !strings.Contains(have, fault) {
			t.Errorf("%s assigns %v: want a fault with %q, have %q", c.name, c.columns, fault, have)
		}
	}
	if have := assigned("filter", writes["filter"]); have != nil {
		t.Errorf("filter: %v", have)
	}
	for text, want := range map[string]bool{"": true, "00ff": true, "hex": true, "shop": false, "00FF": false, "now'": false, "7'; --": false, "00\n": false, "Now": false} {
		if have := harmless(text); have != want {
			t.Errorf("%q is harmless: %v, want %v", text, have, want)
		}
	}
}
