package upserttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Reorder checks that messages may be delivered in any order and more than once: every delivery leaves the database that
// delivering them once in the given order leaves. It tries each order of the messages, and in each order each message once more
// at the end, and each message twice in a row.
//
// If handle returns an error, the message is delivered again after the others, as a broker does; an error that stays fails the
// test. Functions open and handle are like those of [Idempotent].
func Reorder[D DB, M any](t testing.TB, open func(testing.TB) D, msgs []M, handle func(context.Context, D, M) error, opts ...Option) {
	t.Helper()
	var order []int // the delivery that is tried
	write := func(ctx context.Context, db D) error {
		return deliver(order, func(i int) error { return handle(ctx, db, msgs[i]) })
	}
	opener, writer := eraseType(open, write)
	c := newCheck(t, opener, writer, opts)
	c.fail(c.reorder(len(msgs), &order, func(i int) string { return fmt.Sprintf("%+v", msgs[i]) }))
}

// deliver handles messages in an order. One that fails comes again when the others have been delivered.
func deliver(order []int, handle func(i int) error) error {
	for queue := order; ; {
		var again []int
		var last error
		for _, i := range queue {
			if err := handle(i); err != nil {
				again, last = append(again, i), fmt.Errorf("message %d: %w", i+1, err)
			}
		}
		switch {
		case len(again) == 0:
			return nil
		case len(again) == len(queue):
			return last // nothing has changed, so nothing will
		}
		queue = again
	}
}

func (c *check) reorder(n int, order *[]int, show func(i int) string) error {
	c.t.Helper()
	if n == 0 {
		return fmt.Errorf("Reorder: there are no messages")
	}
	for i := range n {
		*order = append(*order, i)
	}
	if err := c.runClean(func(*world) error { return nil }); err != nil {
		return err
	}
	try := func(w *world) error {
		c.t.Helper()
		return c.deliverAs(w, *order, show)
	}
	if c.place != "" {
		return errors.Join(c.deliverPlace(n, order, try), c.missedPlace())
	}
	total := countDeliveries(n)
	tried := min(total, c.o.orders)
	for i := range tried {
		if *order = delivery(n, i*(total/tried)); i == 0 {
			continue // the clean run's
		}
		if err := c.inWorld(try); err != nil {
			return err
		}
	}
	if total > tried {
		c.t.Logf("upserttest: %d of %d deliveries were left out; MaxOrders(%d) takes all", total-tried, total, total)
	}
	return nil
}

// deliverPlace tries the one delivery that the place names.
func (c *check) deliverPlace(n int, order *[]int, try func(w *world) error) error {
	c.t.Helper()
	for _, text := range strings.Split(strings.TrimPrefix(c.place, "order/"), "-") {
		number, err := strconv.Atoi(text)
		if err != nil || number < 1 || number > n {
			return nil
		}
		*order = append(*order, number-1)
	}
	*order = (*order)[n:] // after the clean run's
	c.tried = true
	return c.inWorld(try)
}

// manyDeliveries limits the numbers of deliveries that can be told apart. Nobody tries so many.
const manyDeliveries = 1e7

// countDeliveries returns the number of deliveries of n messages: each order by itself, with each message once more, and with all
// messages twice in a row.
func countDeliveries(n int) int {
	total := n + 2
	for i := 2; i <= n && total < manyDeliveries; i++ {
		total *= i
	}
	return total
}

// delivery returns the delivery with a number; 0 is the messages as they are.
func delivery(n, number int) []int {
	variant, rank := number%(n+2), number/(n+2)
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	for i := 1; i < n; i++ { // no two ranks below n! give the same order
		j := i - rank%(i+1)
		order[i], order[j] = order[j], order[i]
		rank /= i + 1
	}
	switch {
	case variant == 0:
		return order
	case variant <= n:
		return append(order, variant-1)
	}
	var twice []int
	for _, i := range order {
		twice = append(twice, i, i)
	}
	return twice
}

func (c *check) deliverAs(w *world, delivery []int, show func(i int) string) error {
	c.t.Helper()
	place := placeOf(delivery)
	report := c.newReport("not safe to deliver in any order, or more than once")
	report.add("place", "delivered in the order "+strings.Join(strings.Split(strings.TrimPrefix(place, "order/"), "-"), ", "))
	for i, known := range delivery {
		if !slices.Contains(delivery[:i], known) {
			report.add(fmt.Sprintf("message %d", known+1), clip(show(known), 0))
		}
	}
	r, err := c.run(w, place, nil)
	if err != nil {
		return err
	}
	if r.err != nil {
		report.add("error", oneLine(r.err))
		report.addPoint("statement", r.failed())
		return c.report(report, place)
	}
	return c.compare(w, report, place)
}

func placeOf(delivery []int) string {
	numbers := make([]string, len(delivery))
	for i, n := range delivery {
		numbers[i] = fmt.Sprint(n + 1)
	}
	return "order/" + strings.Join(numbers, "-")
}
