package main

import (
	"os"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

func TestScreenshotsDebug(t *testing.T) {
	if os.Getenv("FULL") == "" {
		t.Skip("debug")
	}
	window, url := startBrowser(t), openShopAt(t)
	var png []byte
	p := openTab(t, window, url, look{390, 844, 2, true, true})
	p.run(chromedp.CaptureScreenshot(&png))
	write(t, "d-phone-start.png", png)
	p.play("servers", true)
	p.run(chromedp.Screenshot(".flow", &png))
	write(t, "d-phone-flow.png", png)
	p.run(chromedp.Screenshot(".below", &png))
	write(t, "d-phone-below.png", png)
	p = openTab(t, window, url, look{1280, 800, 1.5, false, true})
	p.run(chromedp.CaptureScreenshot(&png))
	write(t, "d-start.png", png)
	p = openTab(t, window, url, look{1280, 800, 1.5, true, false})
	p.run(chromedp.Click("#press"), chromedp.Sleep(2600*time.Millisecond), chromedp.CaptureScreenshot(&png))
	write(t, "d-mid.png", png)
	p = openTab(t, window, url, look{800, 1100, 1.5, false, true})
	p.play("message", false)
	p.run(chromedp.FullScreenshot(&png, 100))
	write(t, "d-tablet.png", png)
	p = openTab(t, window, url, look{1280, 900, 1.5, false, true})
	p.play("record", true)
	p.run(chromedp.Screenshot(".code", &png))
	write(t, "d-code.png", png)
}
