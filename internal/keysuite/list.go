package keysuite

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goupsert/upsert/keys"
)

func listBehaviours() []behaviour {
	return []behaviour{
		{"tells what Inspect tells", listAsInspect},
		{"goes through all pages", listPages},
		{"goes on from a cursor's text", listCursorText},
		{"reads odd keys back", listOdd},
		{"refuses what makes no sense", listWrong},
	}
}

// stock makes keys and messages in each state that a verb leads to, and returns the IDs by state.
func (p *place) stock() map[keys.State][]string {
	p.Helper()
	want := map[keys.State][]string{}
	s := p.open(keys.MaxAttempts(2))
	for i := range 5 {
		id := fmt.Sprint("done ", i)
		p.wantPaid(p.store, id)
		want[keys.StateDone] = append(want[keys.StateDone], id)
		id = fmt.Sprint("final ", i)
		_, _, _ = keys.Run(p.ctx, p.store, p.key(id), p.fingerprint(i), p.fails(id, keys.Final(asIs{i})))
		want[keys.StateFinalError] = append(want[keys.StateFinalError], id)
		_, _ = p.filter(s, "c", fmt.Sprint("handled ", i))
		want[keys.StateDone] = append(want[keys.StateDone], fmt.Sprint("handled ", i))
		for attempt, id := range []string{fmt.Sprint("waiting ", i), fmt.Sprint("dead ", i), fmt.Sprint("dead ", i)} {
			_, _ = s.Fail(p.ctx, "c", id, asIs{attempt}, keys.Payload([]byte("p")))
		}
		want[keys.StateWaiting] = append(want[keys.StateWaiting], fmt.Sprint("waiting ", i))
		want[keys.StateDead] = append(want[keys.StateDead], fmt.Sprint("dead ", i))
		p.wantPaid(p.store, fmt.Sprint("stuck ", i))
		p.exec("UPDATE idempotency_keys SET state = 1, result = NULL, codec = '' WHERE id = '" + fmt.Sprint("stuck ", i) + "'")
		for _, st := range []keys.State{keys.StateLeased, keys.StateParked} {
			id := fmt.Sprint(st, " ", i)
			p.leave(id, st == keys.StateParked)
			want[st] = append(want[st], id)
		}
		_, _, _ = keys.Do(p.ctx, p.store, p.key(fmt.Sprint("free ", i)), none(), func(context.Context, *keys.Held) (string, error) { return "", keys.NotDone(asIs{i}) })
		want[keys.StateClaimed] = append(want[keys.StateClaimed], fmt.Sprint("stuck ", i))
	}
	return want
}

// leave makes a key of Do whose effect is unknown. The key is parked, or its lease has not ended.
func (p *place) leave(id string, parked bool) {
	p.Helper()
	unknown := func(context.Context, *keys.Held) (string, error) { return "", asIs{1} }
	_, _, err := keys.Do(p.ctx, p.store, p.key(id), p.fingerprint(id), unknown, keys.Lease(time.Hour))
	wantIs(p, "Do", err, asIs{1})
	if !parked {
		return
	}
	p.exec("UPDATE idempotency_keys SET lease_until = " + p.pick("'2001-01-01 00:00:00.000'", "'2001-01-01 00:00:00+00'", "'2001-01-01 00:00:00'") + " WHERE id = '" + p.prefix + id + "'")
	_, _, err = keys.Do(p.ctx, p.store, p.key(id), p.fingerprint(id), unknown)
	wantAs[*keys.ParkedError](p, "Do", err)
}

// wantIDs expects the IDs of a list, in any order.
func wantIDs(p *place, what string, got []keys.Info, want []string) {
	p.Helper()
	var ids []string
	for _, info := range got {
		ids = append(ids, info.Key.ID)
	}
	slices.Sort(ids)
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(ids, want) {
		p.Errorf("%s: listed %q, want %q", what, ids, want)
	}
}

func listAsInspect(p *place) {
	for st, want := range p.stock() {
		page, next, err := p.store.List(p.ctx, st, keys.Cursor{}, 100)
		if err != nil || next == (keys.Cursor{}) {
			p.Errorf("%v: %v, next %v", st, err, next)
		}
		wantIDs(p, st.String(), page, want)
		for _, got := range page {
			info, err := p.store.Inspect(p.ctx, got.Key)
			if got.Key.Op == "" {
				info, err = p.store.InspectMessage(p.ctx, got.Key.Scope, got.Key.ID)
			}
			if err != nil || fmt.Sprintf("%+v", *info) != fmt.Sprintf("%+v", got) || got.State != st {
				p.Errorf("List = %+v; Inspect = %+v, %v", got, info, err)
			}
		}
	}
}

// listPages lists with every size of a page. Only the last page is short, and no entry comes twice.
func listPages(p *place) {
	for st, want := range p.stock() {
		for limit := 1; limit <= len(want)+1; limit++ {
			var all []keys.Info
			var at keys.Cursor
			for pages := 0; ; pages++ {
				page, next, err := p.store.List(p.ctx, st, at, limit)
				if err != nil || pages > len(want) {
					p.Fatalf("page %d of %v by %d: %v", pages, st, limit, err)
				}
				all = append(all, page...)
				if (next == keys.Cursor{}) != (len(page) == 0) {
					p.Errorf("next is %v after %d entries", next, len(page))
				}
				if at = next; len(page) < limit {
					break
				}
			}
			wantIDs(p, fmt.Sprintf("%v by %d", st, limit), all, want)
			if rest, next, err := p.store.List(p.ctx, st, at, limit); at != (keys.Cursor{}) && (len(rest) != 0 || next != keys.Cursor{} || err != nil) {
				p.Errorf("after the last page there are %d entries, next %v, %v", len(rest), next, err)
			}
		}
	}
}

func listCursorText(p *place) {
	p.stock()
	all, _, err := p.store.List(p.ctx, keys.StateDone, keys.Cursor{}, 100)
	if err != nil || len(all) != 10 {
		p.Fatalf("%d, %v", len(all), err)
	}
	_, next, err := p.store.List(p.ctx, keys.StateDone, keys.Cursor{}, 3)
	if err != nil || len(next.String()) != 64 {
		p.Fatalf("next %v, %v", next, err)
	}
	var again keys.Cursor
	if err := again.UnmarshalText([]byte(next.String())); err != nil || again != next {
		p.Errorf("the text %v is read as %v, %v", next, again, err)
	}
	rest, _, err := p.open().List(p.ctx, keys.StateDone, again, 100)
	if err != nil || len(rest) != 7 || rest[0].Key != all[3].Key {
		p.Errorf("%d entries after the third, %v", len(rest), err)
	}
	for _, wrong := range []string{"x", "00", strings.Repeat("0", 63), strings.Repeat("0", 65), strings.Repeat("0", 66), strings.Repeat("g", 64)} {
		if err := again.UnmarshalText([]byte(wrong)); err == nil || again != (keys.Cursor{}) {
			p.Errorf("the cursor %q is read as %v", wrong, again)
		}
	}
	if err := again.UnmarshalText(nil); err != nil || again != (keys.Cursor{}) {
		p.Errorf("no text is read as %v, %v", again, err)
	}
}

func listOdd(p *place) {
	want := map[keys.Key]bool{}
	for _, id := range odd() {
		k := keys.Key{Scope: id, Op: id, ID: id}
		if _, err := keys.Exec(p.ctx, p.store, k, none(), func(context.Context, *keys.Tx) error { return nil }); err != nil {
			p.Fatal(err)
		}
		want[k] = true
	}
	page, _, err := p.store.List(p.ctx, keys.StateDone, keys.Cursor{}, 1000)
	if err != nil || len(page) != len(want) {
		p.Errorf("%d of %d entries, %v", len(page), len(want), err)
	}
	for _, info := range page {
		if !want[info.Key] {
			p.Errorf("%q is none of the keys", info.Key)
		}
	}
}

func listWrong(p *place) {
	for _, st := range []keys.State{0, -1, 8, 99} {
		_, _, err := p.store.List(p.ctx, st, keys.Cursor{}, 1)
		wantText(p, "List", err, fmt.Sprintf("no key has the state State(%d)", st))
	}
	for _, limit := range []int{0, -1} {
		_, _, err := p.store.List(p.ctx, keys.StateDone, keys.Cursor{}, limit)
		wantText(p, "List", err, "the minimum is 1")
	}
	_, _, err := (*keys.Store)(nil).List(p.ctx, keys.StateDone, keys.Cursor{}, 1)
	wantText(p, "List without a store", err, "Open returns one")
	page, next, err := p.store.List(p.ctx, keys.StateDone, keys.Cursor{}, 1)
	if len(page) != 0 || next != (keys.Cursor{}) || err != nil {
		p.Errorf("an empty table has %d entries, next %v, %v", len(page), next, err)
	}
}
