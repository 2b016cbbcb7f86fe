package keysuite

import (
	"fmt"
	"strings"

	"github.com/goupsert/upsert/keys"
)

func keyBehaviours() []behaviour {
	return []behaviour{
		{"of any bytes are distinct", oddKeys},
		{"that differ in a part only are distinct", parts},
		{"with a part that is wrong are refused", wrongKeys},
		{"that are derived are keys like others", derived},
	}
}

// odd returns names that some databases, encodings or kinds of quoting confuse with each other or with an empty name.
func odd() []string {
	ids := []string{
		"a", "A", "a ", " a", "a\t", "a\x00", "\x00a", "\x00", "\x00\x00", "\xff", "\xfe", "\xc3", "é", "e\u0301", "É", "ß", "ss", "ı", "I",
		"'", "''", `"`, `\`, `\\`, `\'`, `a\x00`, "%", "_", "?", "$1", ":a", "@a", "{}", "--", "/*", ";", "\n", "\r\n", "NULL", "null", "🙂", "\uFFFD", "\u200b", "a/b",
		"0", "00", "0.0", "0x61", "1e0",
		strings.Repeat("\x00", 254), strings.Repeat("\x00", 255), strings.Repeat("'", 255), strings.Repeat(`\`, 255),
		strings.Repeat("x", 255), strings.Repeat("x", 254), strings.Repeat("x", 254) + "y", strings.Repeat("é", 127), strings.Repeat("\xff", 255), strings.Repeat("\u2028", 85),
	}
	for b := range 32 {
		ids = append(ids, string([]byte{'c', byte(b)}))
	}
	for b := range 128 {
		ids = append(ids, string([]byte{'h', byte(128 + b)}))
	}
	return ids
}

func oddKeys(p *place) {
	ids := odd()
	for _, where := range []func(id string) keys.Key{
		func(id string) keys.Key { return keys.Key{Scope: "s", Op: "o", ID: id} },
		func(id string) keys.Key { return keys.Key{Scope: id, Op: id, ID: id} },
	} {
		tx := p.begin(nil)
		for i, id := range ids {
			_, replayed, err := keys.Once(p.ctx, p.store, tx, where(id), none(), pays(p, "odd", i))
			if err != nil || replayed {
				p.Fatalf("%q: replayed %v, %v; want a key of its own", id, replayed, err)
			}
		}
		p.commit(tx)
		tx = p.begin(nil)
		for i, id := range ids {
			n, replayed, err := keys.Once(p.ctx, p.store, tx, where(id), none(), pays(p, "odd", -1))
			if err != nil || !replayed || n != i {
				p.Errorf("%q again = %d, replayed %v, %v; want %d", id, n, replayed, err, i)
			}
		}
		p.commit(tx)
		for i, id := range ids {
			if info := p.inspect(where(id)); info.Key != where(id) || string(info.Result) != fmt.Sprint(i) {
				p.Errorf("Inspect of %q: key %v, result %s", id, info.Key, info.Result)
			}
		}
	}
	p.wantEffects("odd", 2*len(ids))
}

func parts(p *place) {
	all := []keys.Key{{Scope: "a", Op: "b", ID: "c"}, {Scope: "ab", Op: "b", ID: "c"}, {Scope: "a", Op: "bb", ID: "c"}, {Scope: "a", Op: "b", ID: "bc"}, {Scope: "b", Op: "a", ID: "c"}, {Scope: "a", Op: "c", ID: "b"}, {Scope: "a/b", Op: "c", ID: "d"}, {Scope: "a", Op: "b/c", ID: "d"}, {Scope: "a", Op: "b", ID: "c/d"}}
	for _, k := range all {
		if _, replayed, err := keys.Run(p.ctx, p.store, k, none(), pays(p, "a", "")); err != nil || replayed {
			p.Errorf("%v: replayed %v, %v; want a key of its own", k, replayed, err)
		}
	}
	p.wantEffects("a", len(all))
}

func wrongKeys(p *place) {
	long := strings.Repeat("x", 256)
	p.each(func(p *place) {
		for want, k := range map[string]keys.Key{
			"Scope is empty": {Op: "b", ID: "c"}, "Op is empty": {Scope: "a", ID: "c"}, "ID is empty": {Scope: "a", Op: "b"},
			"Scope has 256 bytes": {Scope: long, Op: "b", ID: "c"}, "Op has 256 bytes": {Scope: "a", Op: long, ID: "c"}, "ID has 256 bytes": {Scope: "a", Op: "b", ID: long},
		} {
			_, _, err := p.call(p.store, k, none(), p.never)
			wantText(p, p.verb, err, want)
			_, err = p.store.Inspect(p.ctx, k)
			wantText(p, "Inspect", err, want)
		}
	})
}

func derived(p *place) {
	k, err := keys.Derive("me", "ship", 17, "2026-10-11")
	if err != nil {
		p.Fatal(err)
	}
	for i := range 2 {
		if _, replayed, err := keys.Run(p.ctx, p.store, k, none(), pays(p, "a", "")); err != nil || replayed != (i > 0) {
			p.Errorf("replayed %v, %v", replayed, err)
		}
	}
	p.wantEffects("a", 1)
}
