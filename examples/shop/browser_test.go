package main

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// requireChromium is the variable that turns a skip for want of a browser into a failure.
const requireChromium = "UPSERT_REQUIRE_CHROMIUM"

func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv(requireChromium) != "" {
		t.Fatalf("%s is set, and there is no chromium: scripts/engines --browser installs it on Debian", requireChromium)
	}
	t.Skip("chromium is not installed: scripts/engines --browser installs it on Debian")
	return ""
}

// tab is a page in a browser of its own, as far as cookies go.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string // of the console
}

// look is how a page is looked at.
type look struct {
	width, height int64
	scale         float64
	dark, still   bool
}

// desk is a laptop's window, in which nothing moves.
var desk = look{width: 1280, height: 800, scale: 1, still: true}

// browser is the one that all tests share, in a window each. stop ends it.
var browser struct {
	once sync.Once
	ctx  context.Context
	err  error
	stop func()
}

// startBrowser returns the browser, or skips the test.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	path := chromium(t)
	browser.once.Do(func() {
		opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WSURLReadTimeout(2*time.Minute))
		ctx, stop := chromedp.NewExecAllocator(context.Background(), opts...)
		browser.ctx, _ = chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {})) // of events that are younger than the client
		browser.err, browser.stop = chromedp.Run(browser.ctx), stop
	})
	if browser.err != nil {
		t.Fatal(browser.err)
	}
	return browser.ctx
}

// openTab opens the page. The test fails if the console has an error at its end.
func openTab(t *testing.T, browser context.Context, url string, l look) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithTargetID(newWindow(t, browser)))
	p := &tab{t: t, ctx: ctx}
	t.Cleanup(cancel)
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, problem := range p.problems {
			t.Errorf("the console says: %s", problem)
		}
	})
	chromedp.ListenTarget(ctx, func(e any) {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch e := e.(type) {
		case *runtime.EventExceptionThrown:
			p.problems = append(p.problems, e.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			p.problems = append(p.problems, string(e.Type))
		case *log.EventEntryAdded:
			p.problems = append(p.problems, e.Entry.Text+" "+e.Entry.URL)
		}
	})
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "light"}, {Name: "prefers-reduced-motion", Value: "no-preference"}}
	if l.dark {
		features[0].Value = "dark"
	}
	if l.still {
		features[1].Value = "reduce"
	}
	if err := chromedp.Run(ctx); err != nil { // not in run, whose context ends
		t.Fatal(err)
	}
	p.run(emulation.SetDeviceMetricsOverride(l.width, l.height, l.scale, l.width < 600), emulation.SetEmulatedMedia().WithFeatures(features), chromedp.Navigate(url), chromedp.WaitReady("#press"))
	return p
}

// newWindow opens a window that has cookies of its own. (chromedp's WithNewBrowserContext opens none, and then there is none for a tab.)
func newWindow(t *testing.T, browser context.Context) (id target.ID) {
	t.Helper()
	err := chromedp.Run(browser, chromedp.ActionFunc(func(ctx context.Context) error {
		ctx = cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser)
		cookies, err := target.CreateBrowserContext().WithDisposeOnDetach(true).Do(ctx)
		if err == nil {
			id, err = target.CreateTarget("about:blank").WithBrowserContextID(cookies).WithNewWindow(true).Do(ctx)
		}
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (p *tab) run(actions ...chromedp.Action) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 100*time.Second)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		p.t.Fatal(err)
	}
}

// text returns what an element says.
func (p *tab) text(selector string) (text string) {
	p.t.Helper()
	p.run(chromedp.Evaluate(`document.querySelector("`+selector+`").textContent`, &text))
	return text
}

// is returns a JavaScript condition's value.
func (p *tab) is(condition string) (yes bool) {
	p.t.Helper()
	p.run(chromedp.Evaluate("!!("+condition+")", &yes))
	return yes
}

// play picks a story and presses the button, and returns when the play has ended.
func (p *tab) play(story string, with bool) {
	p.t.Helper()
	value := map[bool]string{true: "yes", false: "no"}[with]
	p.run(
		chromedp.Evaluate(`document.querySelector("[name=story][value=`+story+`]").click(); document.querySelector("[name=with][value=`+value+`]").click()`, nil),
		chromedp.Click("#press"),
	)
	p.ended()
	if said := p.text("#alert"); said != "" {
		p.t.Fatalf("%s: %s", story, said)
	}
}

// polling is how a test waits for a condition. A window that nobody sees draws no frames, for which chromedp waits otherwise.
var polling = []chromedp.PollOption{chromedp.WithPollingInterval(50 * time.Millisecond), chromedp.WithPollingTimeout(90 * time.Second)}

// ended waits until the play that was asked for has ended.
func (p *tab) ended() {
	p.t.Helper()
	p.run(chromedp.Poll(`document.body.matches(":not(.playing)") && (document.querySelector("#verdict").dataset.ok || document.querySelector("#alert").textContent)`, nil, polling...))
}
