package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Each switch, pressed in a browser: one charge, one row, one parcel with the library, and more without.
func TestBrowser_Stories(t *testing.T) {
	t.Parallel()
	window, url := startBrowser(t), openShopAt(t)
	for _, with := range []bool{true, false} {
		p := openTab(t, window, url, desk)
		for _, s := range stories {
			p.play(s.ID, with)
			want := s.wanted(with)
			if head := p.text("#head"); !strings.HasSuffix(head, times(want)) {
				t.Errorf("%s with=%v: it ended with %q; want %q", s.ID, with, head, times(want))
			}
			var lines int
			p.run(chromedp.Evaluate(`[...document.querySelectorAll("#receipt dl div:not(.total) dt")].filter((e) => e.textContent !== "Opening balance").length`, &lines))
			if lines != want {
				t.Errorf("%s with=%v: the receipt has %d lines; want %d", s.ID, with, lines, want)
			}
			if s.Thing == "payment" {
				if balance := p.text("#receipt .total dd"); balance != euros(opening-want*price) {
					t.Errorf("%s with=%v: the balance is %s; want %s", s.ID, with, balance, euros(opening-want*price))
				}
			}
			if tally := p.text("[name=story][value=" + s.ID + "] ~ .tally [data-with=" + formOf(s, with).Get("with") + "]"); !strings.HasSuffix(tally, times(want)) {
				t.Errorf("%s with=%v: the card says %q; want %q", s.ID, with, tally, times(want))
			}
			if requests := p.text("[data-count=requests]"); requests != fmt.Sprint(s.wanted(false)) {
				t.Errorf("%s with=%v: %s requests are counted; want %d", s.ID, with, requests, s.wanted(false))
			}
		}
	}
}

// In both themes and at both widths everything fits and can be read.
func TestBrowser_Looks(t *testing.T) {
	t.Parallel()
	window, url := startBrowser(t), openShopAt(t)
	for _, l := range []look{
		{1280, 800, 1, false, true}, {1280, 800, 1, true, true}, {360, 480, 1, false, true}, {360, 480, 1, true, true}, {820, 1100, 1, false, true},
	} {
		t.Run(fmt.Sprintf("%d dark=%v", l.width, l.dark), func(t *testing.T) {
			p := openTab(t, window, url, l)
			p.check(l)
			for _, s := range []string{"servers", "record"} {
				p.play(s, s == "servers")
				p.check(l)
				if !p.is(`(({ top, bottom }) => top >= 0 && bottom <= innerHeight)(document.querySelector("#verdict").getBoundingClientRect())`) {
					t.Errorf("%s: the verdict is out of sight", s)
				}
			}
		})
	}
}

// check looks for what is too wide, and for text that is too faint.
func (p *tab) check(l look) {
	p.t.Helper()
	var width int64
	p.run(chromedp.Evaluate(`document.documentElement.scrollWidth`, &width))
	if width > l.width {
		p.t.Errorf("the page is %d wide; want at most %d", width, l.width)
	}
	var faint []string
	p.run(chromedp.Evaluate(faintTexts, &faint))
	for _, text := range faint {
		p.t.Errorf("too little contrast: %s", text)
	}
	var unnamed []string
	p.run(chromedp.Evaluate(`[...document.querySelectorAll("button, input, select, textarea")].filter((e) => !e.closest("[hidden]") && !(e.textContent || (e.labels && e.labels.length))).map((e) => e.outerHTML)`, &unnamed))
	for _, html := range unnamed {
		p.t.Errorf("no label: %s", html)
	}
}

// faintTexts lists the texts whose contrast is under 4.5, the least that WCAG calls AA.
const faintTexts = `(() => {
	const parse = (c) => c.match(/[\d.]+/g).map(Number);
	const lum = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
	const behind = (e) => {
		for (; e; e = e.parentElement) {
			const c = parse(getComputedStyle(e).backgroundColor);
			if (c.length === 3 || c[3] > 0) return c;
		}
		return [255, 255, 255];
	};
	const faint = [];
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (texts.nextNode()) {
		const e = texts.currentNode.parentElement;
		if (!texts.currentNode.data.trim() || e.closest("script, noscript, [hidden], .unseen")) continue;
		const [a, b] = [lum(parse(getComputedStyle(e).color)), lum(behind(e))].sort((x, y) => y - x);
		const ratio = (a + .05) / (b + .05);
		if (ratio < 4.5) faint.push(texts.currentNode.data.trim() + ": " + ratio.toFixed(2));
	}
	return faint;
})()`

// A person without a mouse picks a story, switches the library off, and pays.
func TestBrowser_Keyboard(t *testing.T) {
	t.Parallel()
	p := openTab(t, startBrowser(t), openShopAt(t), desk)
	p.run(
		chromedp.KeyEvent(kb.Tab),                                  // to the link that skips the head
		chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.ArrowDown), // the second story
		chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.ArrowDown), // without
		chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter),
	)
	p.ended()
	if head := p.text("#head"); head != "Charged three times" {
		t.Errorf("it ended with %q; want %q", head, "Charged three times")
	}
	if !p.is(`document.activeElement.id === "press"`) {
		t.Error("the focus has left the button")
	}
	p.run(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter)) // over the code's place, see it with the library
	p.run(chromedp.Poll(`document.querySelector("#head").textContent === "Charged once"`, nil, polling...))
	if !p.is(`[...document.querySelectorAll(":focus-visible")].length === 1`) {
		t.Error("nothing shows where the focus is")
	}
}

// What is typed is text, whatever it looks like.
func TestBrowser_TypedTextStaysText(t *testing.T) {
	t.Parallel()
	p := openTab(t, startBrowser(t), openShopAt(t), desk)
	const typed = `<img src=x onerror=alert(1)>'"&`
	p.run(chromedp.Evaluate(`document.querySelector("[value=record]").click(); document.querySelector("[name=name]").value = `+"`"+typed+"`", nil))
	p.play("record", false)
	if first := p.text("#receipt dt"); first != typed {
		t.Errorf("the receipt says %q; want %q", first, typed)
	}
	if p.is(`document.querySelector("main img")`) {
		t.Error("what was typed has become an element")
	}
}

// With motion the steps come one after the other, and the verdict after them; without, they are there at once.
func TestBrowser_Motion(t *testing.T) {
	t.Parallel()
	moving := desk
	moving.still = false
	p := openTab(t, startBrowser(t), openShopAt(t), moving)
	p.run(chromedp.Click("#press"), chromedp.Poll(`document.querySelector(".step .line")`, nil, polling...))
	if !p.is(`getComputedStyle(document.querySelector(".step .line")).animationName === "draw"`) {
		t.Error("the first step is not drawn")
	}
	p.run(chromedp.Evaluate(`document.querySelector("[value=message]").click()`, nil)) // not while a story is played
	p.ended()
	if head := p.text("#head"); head != "Charged once" {
		t.Errorf("it ended with %q; want that of the story that was pressed", head)
	}
	still := openTab(t, startBrowser(t), openShopAt(t), desk)
	still.play("answer", true)
	if !still.is(`getComputedStyle(document.querySelector(".step .line")).animationName === "none"`) {
		t.Error("a step moves although the reader asked for no motion")
	}
	if a, b := p.text("#steps"), still.text("#steps"); len(a) == 0 || strings.Count(a, "attempt") != strings.Count(b, "attempt") {
		t.Errorf("the steps are %q with motion, and %q without", a, b)
	}
}

// The parts that a screen reader announces by itself, and the headings by which it finds the others.
func TestBrowser_ScreenReader(t *testing.T) {
	t.Parallel()
	p := openTab(t, startBrowser(t), openShopAt(t), desk)
	p.play("answer", true)
	for _, condition := range []string{
		`document.documentElement.lang === "en"`,
		`document.querySelector("#verdict[role=status][aria-live=polite]").textContent.includes("Charged once")`,
		`document.querySelector("#alert[role=alert]")`,
		`document.querySelector("#steps[role=log] li").textContent.includes("Server")`,
		`[...document.querySelectorAll("section")].every((s) => document.getElementById(s.getAttribute("aria-labelledby")))`,
		`[...document.querySelectorAll("fieldset")].every((f) => f.querySelector("legend"))`,
		`[...document.querySelectorAll("table")].every((t) => t.caption && t.querySelector("th[scope=col]"))`,
		`document.querySelectorAll("h1").length === 1`,
	} {
		if !p.is(condition) {
			t.Errorf("not so: %s", condition)
		}
	}
}
