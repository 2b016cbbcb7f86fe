package main

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

// ledgerOf is books with these entries, and balances that agree with them.
func ledgerOf(entries ...entry) books {
	b := books{balances: map[string]int64{"ann": 1000, "ben": 1000}, entries: map[string]entry{}}
	for _, e := range entries {
		b.entries[e.ID] = e
		b.balances[e.Customer] -= e.Amount
	}
	return b
}

func TestAudit(t *testing.T) {
	t.Parallel()
	old := entry{"0", "ann", 5, "old"}
	before := ledgerOf(old)
	paid, declined := intent{order{"ann", 100}, "k1", 201}, intent{order{"ben", 5000}, "k2", 402}
	one := entry{"1", "ann", 100, "k1"}
	fallen := ledgerOf(old, one)
	fallen.balances["ann"] -= 7
	for name, c := range map[string]struct {
		intents []intent
		after   books
		want    audit // the counts
		equal   bool
	}{
		"nothing":             {nil, before, audit{}, true},
		"all is well":         {[]intent{paid, declined}, ledgerOf(old, one), audit{declined: 1}, true},
		"lost":                {[]intent{paid}, before, audit{lost: 1}, false},
		"doubled":             {[]intent{paid}, ledgerOf(old, one, entry{"2", "ann", 100, "k1"}), audit{doubled: 1}, false},
		"another amount":      {[]intent{paid}, ledgerOf(old, entry{"1", "ann", 99, "k1"}), audit{unmeant: 1}, false},
		"another customer":    {[]intent{paid}, ledgerOf(old, entry{"1", "ben", 100, "k1"}), audit{unmeant: 1}, false},
		"meant by nobody":     {[]intent{paid}, ledgerOf(old, one, entry{"2", "ben", 1, "k9"}), audit{unmeant: 1}, false},
		"declined, charged":   {[]intent{declined}, ledgerOf(old, entry{"2", "ben", 5000, "k2"}), audit{unmeant: 1, declined: 1}, false},
		"lost and doubled":    {[]intent{paid, {paid.Order, "k3", 201}}, ledgerOf(old, one, entry{"2", "ann", 100, "k1"}), audit{lost: 1, doubled: 1}, false},
		"unheard":             {[]intent{{paid.Order, "k1", 0}}, before, audit{unheard: 1}, false},
		"refused":             {[]intent{{paid.Order, "k1", 422}}, before, audit{refused: 1}, false},
		"the balance is less": {[]intent{paid}, fallen, audit{}, false},
	} {
		a := newAudit(c.intents, before, c.after)
		counts := *a
		counts.customers, counts.all = nil, standing{}
		if got, want := [6]int{counts.doubled, counts.lost, counts.unmeant, counts.unheard, counts.refused, counts.declined},
			[6]int{c.want.doubled, c.want.lost, c.want.unmeant, c.want.unheard, c.want.refused, c.want.declined}; got != want || a.equal() != c.equal {
			t.Errorf("%s: %v, equal %t; want %v, %t", name, got, a.equal(), want, c.equal)
		}
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	before := ledgerOf()
	paid := intent{order{"ann", 100}, "k1", 201}
	for _, c := range []struct {
		intents []intent
		after   books
		want    string
		err     error
	}{
		{[]intent{paid, {order{"ben", 250}, "k2", 201}, {order{"ben", 5000}, "k3", 402}}, ledgerOf(entry{"1", "ann", 100, "k1"}, entry{"2", "ben", 250, "k2"}), `
customer  payments  meant to pay  was charged  balance fell
ann              1          1.00         1.00          1.00  equal
ben              1          2.50         2.50          2.50  equal
all              2          3.50         3.50          3.50  equal

2 payments meant, 0 lost, 0 charged twice, 0 charged and not meant; 1 declined (1.5s)
`, nil},
		{[]intent{paid, {order{"ben", 250}, "k2", 0}}, ledgerOf(entry{"1", "ann", 100, "k1"}, entry{"2", "ann", 100, "k1"}), `
customer  payments  meant to pay  was charged  balance fell
ann              1          1.00         2.00          2.00  NOT EQUAL
all              1          1.00         2.00          2.00  NOT EQUAL

1 payment meant, 0 lost, 1 charged twice, 0 charged and not meant; 0 declined (1.5s)
1 have no answer, 0 were refused
`, errUnequal},
	} {
		var out bytes.Buffer
		err := report(&lines{out: &out}, newAudit(c.intents, before, c.after), 1500*time.Millisecond)
		if out.String() != c.want || !errors.Is(err, c.err) {
			t.Errorf("reported %v and\n%s\nwant %v and\n%s", err, out.String(), c.err, c.want)
		}
	}
}

func TestCents(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0.00", 5: "0.05", 1234567_89: "1,234,567.89", -5: "-0.05", -1000_00: "-1,000.00"} {
		if got := cents(n); got != want {
			t.Errorf("cents(%d) = %q; want %q", n, got, want)
		}
	}
}
