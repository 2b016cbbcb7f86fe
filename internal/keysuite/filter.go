package keysuite

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goupsert/upsert/keys"
)

func filterBehaviours() []behaviour {
	return []behaviour{
		{"returns what is fresh in the order it came", filterOrder},
		{"marks nothing where the transaction is rolled back", filterRolledBack},
		{"is for each consumer its own", filterConsumers},
		{"tells messages of any bytes apart", filterOdd},
		{"takes ten thousand messages", filterMany},
		{"refuses what names no message", filterWrong},
		{"remembers for the store's retention", filterRetention},
	}
}

func same(s string) string { return s }

// wantList expects a list and no error.
func wantList(p *place, what string, got []string, err error, want ...string) {
	p.Helper()
	if err != nil || !slices.Equal(got, want) {
		p.Errorf("%s: %q, %v; want %q", what, got, err, want)
	}
}

// filter calls Filter in a transaction and commits the transaction.
func (p *place) filter(s *keys.Store, consumer string, ids ...string) ([]string, error) {
	p.Helper()
	tx := p.begin(nil)
	fresh, err := keys.Filter(p.ctx, s, tx, consumer, ids, same)
	p.commit(tx)
	return fresh, err
}

func filterOrder(p *place) {
	fresh, err := p.filter(p.store, "c", "5", "3", "9", "3", "1", "5")
	wantList(p, "the first batch", fresh, err, "5", "3", "9", "1")
	fresh, err = p.filter(p.store, "c", "5", "3", "9", "1")
	wantList(p, "it again", fresh, err)
	fresh, err = p.filter(p.open(), "c", "8", "1", "2", "8", "9", "0", "2")
	wantList(p, "some of it", fresh, err, "8", "2", "0")
	fresh, err = p.filter(p.store, "c")
	wantList(p, "nothing", fresh, err)

	type message struct{ id, body string }
	tx := p.begin(nil)
	got, err := keys.Filter(p.ctx, p.store, tx, "d", []message{{"b", "first"}, {"a", "x"}, {"b", "second"}}, func(m message) string { return m.id })
	if err != nil || !slices.Equal(got, []message{{"b", "first"}, {"a", "x"}}) {
		p.Errorf("messages: %v, %v; want the first of each identity", got, err)
	}
	again, err := keys.Filter(p.ctx, p.store, tx, "d", got, func(m message) string { return m.id })
	if err != nil || len(again) != 0 {
		p.Errorf("in the same transaction again: %v, %v; want an empty list", again, err)
	}
	p.commit(tx)
}

func filterRolledBack(p *place) {
	if _, err := p.filter(p.store, "c", "a"); err != nil {
		p.Fatal(err)
	}
	for range 2 {
		tx := p.begin(nil)
		fresh, err := keys.Filter(p.ctx, p.store, tx, "c", []string{"a", "b", "c"}, same)
		wantList(p, "after a rollback", fresh, err, "b", "c")
		if err := tx.Rollback(); err != nil {
			p.Error(err)
		}
	}
	if n := p.rows(); n != 1 {
		p.Errorf("%d rows, want 1 row, from the first batch", n)
	}
}

// filterConsumers checks that messages of different consumers are different, and that a message and a key with the same parts are
// different.
func filterConsumers(p *place) {
	for _, consumer := range []string{"c", "C", "c ", "cm", "\x00", "ü"} {
		fresh, err := p.filter(p.store, consumer, "m", "")
		if err == nil {
			p.Errorf("an identity without a byte: %q", fresh)
		}
		fresh, err = p.filter(p.store, consumer, "m", "mm", "cm")
		wantList(p, consumer, fresh, err, "m", "mm", "cm")
	}
	p.wantPaid(p.store, "m")
	fresh, err := p.filter(p.store, "me", "pay", "m", "pay/m")
	wantList(p, "parts of a key", fresh, err, "pay", "m", "pay/m")
	if _, replayed, err := keys.Run(p.ctx, p.store, keys.Key{Scope: "c", Op: "m", ID: "m"}, none(), pays(p, "x", "")); err != nil || replayed {
		p.Errorf("a key with the parts of a message: replayed %v, %v", replayed, err)
	}
}

func filterOdd(p *place) {
	ids := odd()
	fresh, err := p.filter(p.store, "c'\\\x00\xff", ids...)
	wantList(p, "the first time", fresh, err, ids...)
	fresh, err = p.filter(p.store, "c'\\\x00\xff", append(slices.Clone(ids), "new")...)
	wantList(p, "the second time", fresh, err, "new")
	for _, id := range ids {
		info, err := p.store.InspectMessage(p.ctx, "c'\\\x00\xff", id)
		if err != nil || info.State != keys.StateDone || info.Key != (keys.Key{Scope: "c'\\\x00\xff", ID: id}) {
			p.Errorf("InspectMessage of %q = %+v, %v", id, info, err)
		}
	}
}

const many = 10000

func manyIDs() []string {
	ids := make([]string, many)
	for i := range ids {
		ids[i] = fmt.Sprintf("message é %d", (i*7919)%many)
	}
	return ids
}

func filterMany(p *place) {
	ids := manyIDs()
	if _, err := p.filter(p.store, "c", ids[10], ids[5000]); err != nil {
		p.Fatal(err)
	}
	fresh, err := p.filter(p.store, "c", append(ids, ids[:100]...)...)
	want := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == ids[10] || id == ids[5000] })
	if err != nil || !slices.Equal(fresh, want) {
		p.Errorf("%d messages, %v; want %d in their order", len(fresh), err, len(want))
	}
	if n := p.rows(); n != many {
		p.Errorf("%d rows, want %d", n, many)
	}
	long := make([]string, 0, 300)
	for i := range cap(long) {
		long = append(long, strings.Repeat("\xff", 250)+fmt.Sprint(i))
	}
	fresh, err = p.filter(p.store, "long", long...)
	wantList(p, "messages of great length", fresh, err, long...)
}

func filterWrong(p *place) {
	tx := p.begin(nil)
	_, err := keys.Filter(p.ctx, p.store, tx, "c", []string{"a", "b", ""}, same)
	wantText(p, "an empty identity", err, "number 2 of the batch")
	_, err = keys.Filter(p.ctx, p.store, tx, "c", []string{"a", strings.Repeat("x", 256)}, same)
	wantText(p, "a long identity", err, "256 bytes")
	_, err = keys.Filter(p.ctx, p.store, tx, "", []string{"a"}, same)
	wantText(p, "no consumer", err, "consumer is empty")
	_, err = keys.Filter(p.ctx, p.store, tx, strings.Repeat("x", 256), []string{"a"}, same)
	wantText(p, "a long consumer", err, "256 bytes")
	p.commit(tx)
	if n := p.rows(); n != 0 {
		p.Errorf("%d rows were written", n)
	}
	_, failed := p.store.Fail(p.ctx, "c", "", nil)
	_, failedAll := p.store.Fail(p.ctx, "", "a", nil)
	_, dead := p.store.Dead(p.ctx, "", 1)
	_, deadLimit := p.store.Dead(p.ctx, "c", 0)
	_, revive := p.store.Revive(p.ctx, "", "a")
	_, reviveNone := p.store.Revive(p.ctx, "c")
	_, reviveEmpty := p.store.Revive(p.ctx, "c", "a", "")
	_, inspected := p.store.InspectMessage(p.ctx, "", "")
	for what, err := range map[string]error{"Fail": failed, "Fail of nobody": failedAll, "Dead": dead, "Dead of none": deadLimit, "Revive": revive, "Revive of none": reviveNone, "Revive of an empty one": reviveEmpty, "InspectMessage": inspected} {
		if wantText(p, what, err, ""); errors.Is(err, keys.ErrNotFound) {
			p.Errorf("%s: %v; want an error that names the part", what, err)
		}
	}
}

func filterRetention(p *place) {
	if _, err := p.filter(p.store, "c", "a", "b"); err != nil {
		p.Fatal(err)
	}
	p.expire("id = 'a'")
	fresh, err := p.filter(p.store, "c", "a", "b")
	wantList(p, "before a collection", fresh, err)
	if n, err := p.store.GC(p.ctx); n != 1 || err != nil {
		p.Errorf("GC = %d, %v; want 1", n, err)
	}
	fresh, err = p.filter(p.store, "c", "a", "b")
	wantList(p, "after it", fresh, err, "a")
}
