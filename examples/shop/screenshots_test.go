package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

var screenshots = flag.String("screenshots", "", "the `folder` to write screenshots of the page to")

// TestScreenshots is what make screenshots runs.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("-screenshots names no folder: make screenshots does")
	}
	window, url := startBrowser(t), openShopAt(t)
	for _, s := range []struct {
		name, story string
		with        bool
		look        look
	}{
		{"shop", "answer", true, look{1280, 860, 1.5, false, true}},
		{"shop-without", "thrice", false, look{1280, 860, 1.5, false, true}},
		{"shop-dark", "restart", true, look{1280, 860, 1.5, true, true}},
		{"shop-phone", "answer", false, look{390, 844, 2, false, true}},
	} {
		p := openTab(t, window, url, s.look)
		if s.name == "shop" { // both have been tried in this one
			p.play(s.story, false)
		}
		p.play(s.story, s.with)
		var png []byte
		p.run(chromedp.CaptureScreenshot(&png))
		write(t, s.name+".png", png)
	}
}

func write(t *testing.T, name string, png []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(*screenshots, name), png, 0o644); err != nil { //nolint:gosec // a picture for everybody
		t.Fatal(err)
	}
}
