package keysuite

import (
	"fmt"
	"time"

	"github.com/goupsert/upsert/keys"
)

func ageBehaviours() []behaviour {
	return []behaviour{
		{"of a key that is too old: it is refused", tooOld},
		{"of a key that is too far ahead: it is refused", tooNew},
		{"of a key that is ahead is when it is forgotten", ahead},
		{"of a stored key does not matter", storedOld},
		{"of a key is not asked with IgnoreKeyTime", ignoredAge},
		{"of a key is held against its own retention", ownRetention},
		{"of a key that is young", young},
	}
}

// uuidv7 returns a UUID version 7 with the time at. Like a ULID, it contains a time in milliseconds.
func uuidv7(at time.Time) string {
	ms := at.UnixMilli()
	return fmt.Sprintf("%08x-%04x-7abc-8def-0123456789ab", ms>>16, ms&0xffff)
}

func ulid(at time.Time) string {
	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	ms, text := at.UnixMilli(), make([]byte, 10)
	for i := range text {
		text[9-i] = digits[ms&31]
		ms >>= 5
	}
	return string(text) + "0123456789ABCDEF"
}

func forms() map[string]func(time.Time) string {
	return map[string]func(time.Time) string{"UUIDv7": uuidv7, "ULID": ulid}
}

// aged returns a key whose ID was created the given time before the database's current time. The ID has no prefix, because an ID
// with a time must begin with the time.
func (p *place) aged(form func(time.Time) string, ago time.Duration) keys.Key {
	p.Helper()
	return keys.Key{Scope: "me", Op: "age" + p.verb, ID: form(p.now().Add(-ago))}
}

func tooOld(p *place) {
	p.each(func(p *place) {
		for name, form := range forms() {
			k := p.aged(form, 73*time.Hour)
			_, _, err := p.call(p.store, k, none(), p.never)
			wantIs(p, name, err, keys.ErrTooOld)
			wantText(p, name, err, k.ID)
			_, err = p.store.Inspect(p.ctx, k)
			wantIs(p, name, err, keys.ErrNotFound)
		}
	})
	tx := p.begin(nil)
	_, _, err := keys.Once(p.ctx, p.store, tx, p.aged(uuidv7, 73*time.Hour), none(), p.never, keys.NoWait())
	wantIs(p, "Once with NoWait", err, keys.ErrTooOld)
	if err := p.effect(p.ctx, tx, "after"); err != nil {
		p.Error(err)
	}
	p.commit(tx)
	p.wantEffects("after", 1)
}

// tooNew uses times up to the year 10889, which SQLite's functions do not support.
func tooNew(p *place) {
	p.each(func(p *place) {
		for name, form := range forms() {
			for _, k := range []keys.Key{p.aged(form, -73*time.Hour), {Scope: "me", Op: "age", ID: form(time.UnixMilli(1<<48 - 1))}} {
				_, _, err := p.call(p.store, k, none(), p.never)
				wantIs(p, name, err, keys.ErrTooNew)
				wantText(p, name, err, "IgnoreKeyTime")
				_, err = p.store.Inspect(p.ctx, k)
				wantIs(p, name, err, keys.ErrNotFound)
			}
		}
	})
}

// ahead uses a key whose time is in the future. If the store forgot such a key too early, a repeated call would treat the key as
// young and run again (hazard K45).
func ahead(p *place) {
	p.each(func(p *place) {
		for name, form := range forms() {
			k := p.aged(form, -50*time.Hour)
			if _, _, err := p.call(p.store, k, none(), pays(p, name, "paid")); err != nil {
				p.Errorf("%s: %v", name, err)
			}
			info, err := p.store.Inspect(p.ctx, k)
			if err != nil {
				p.Fatalf("Inspect: %v", err)
			}
			if left := info.ExpiresAt.Sub(p.now()); left < 121*time.Hour || left > 122*time.Hour+time.Minute {
				p.Errorf("%s: a key from 50 hours ahead is kept for %v; want 72 hours more", name, left)
			}
		}
	})
}

func storedOld(p *place) {
	p.each(func(p *place) {
		for name, form := range forms() {
			k := p.aged(form, 73*time.Hour)
			if _, _, err := p.call(p.store, k, none(), pays(p, name, "paid"), keys.Retain(1000*time.Hour)); err != nil {
				p.Fatal(err)
			}
			for _, s := range []*keys.Store{p.store, p.open()} {
				r, replayed, err := p.call(s, k, none(), p.never)
				if err != nil || !replayed || r != "paid" {
					p.Errorf("%s: %q, replayed %v, %v; want the stored result", name, r, replayed, err)
				}
			}
			p.wantEffects(name, 1)
		}
	})
}

func ignoredAge(p *place) {
	s := p.open(keys.IgnoreKeyTime())
	p.each(func(p *place) {
		for name, form := range forms() {
			if _, replayed, err := p.call(s, p.aged(form, 1000*time.Hour), none(), pays(p, name, "")); err != nil || replayed {
				p.Errorf("%s: replayed %v, %v", name, replayed, err)
			}
			p.wantEffects(name, 1)
		}
	})
}

func ownRetention(p *place) {
	s := p.open(keys.Retention(time.Hour))
	p.each(func(p *place) {
		k := p.aged(uuidv7, 2*time.Hour)
		_, _, err := p.call(s, k, none(), p.never)
		wantIs(p, "the store's retention", err, keys.ErrTooOld)
		_, _, err = p.call(p.store, k, none(), p.never, keys.Retain(time.Hour))
		wantIs(p, "a shorter one", err, keys.ErrTooOld)
		if _, replayed, err := p.call(s, k, none(), pays(p, "a", ""), keys.Retain(3*time.Hour)); err != nil || replayed {
			p.Errorf("a longer one: replayed %v, %v", replayed, err)
		}
		p.wantEffects("a", 1)
	})
}

func young(p *place) {
	p.each(func(p *place) {
		now := p.now()
		for i, id := range []string{
			uuidv7(now), ulid(now), uuidv7(now.Add(-71 * time.Hour)), ulid(now.Add(-71 * time.Hour)), uuidv7(now.Add(time.Hour)),
			"00000000-0000-4000-8000-000000000000", "00000000-0000-1000-8000-000000000000", "00000000000000000000000042", "order-000000000000000000017",
		} {
			k := keys.Key{Scope: "me", Op: "age" + p.verb, ID: id}
			if _, replayed, err := p.call(p.store, k, none(), pays(p, fmt.Sprint(i), "")); err != nil || replayed {
				p.Errorf("%s: replayed %v, %v", id, replayed, err)
			}
			p.wantEffects(fmt.Sprint(i), 1)
		}
	})
}
