package main

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

//go:embed page
var pageFiles embed.FS

var pageTemplate = template.Must(template.New("page.html").Funcs(template.FuncMap{"euros": euros}).ParseFS(pageFiles, "page/page.html"))

const (
	cookieName = "bank"
	mostName   = 60 // characters of what people type

	patienceForBody = 10 * time.Second

	// policy: the page consists of its own files, and talks to its own address.
	policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

// routes are those of the page. A request that another page has made the browser send is refused.
func (h *host) routes() http.Handler {
	static, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err) // the folder is in the binary
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", h.page)
	mux.HandleFunc("GET /events", h.events)
	mux.HandleFunc("POST /play", h.press)
	for _, name := range []string{"shop.css", "shop.js", "icon.svg"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, static, name) })
	}
	protected := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", policy)
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Cache-Control", "no-store")
		protected.ServeHTTP(w, r)
	})
}

// bankFor returns the browser's bank, or answers by itself.
func (h *host) bankFor(w http.ResponseWriter, r *http.Request) (*bank, bool) {
	b, isNew, closed, err := h.banks.of(r, time.Now())
	for _, old := range closed {
		if err := h.clear(r.Context(), old.id); err != nil {
			h.log(err)
		}
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return nil, false
	}
	if isNew {
		http.SetCookie(w, &http.Cookie{Name: cookieName, Value: b.id, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	}
	return b, true
}

// page is GET /.
func (h *host) page(w http.ResponseWriter, r *http.Request) {
	if _, ok := h.bankFor(w, r); !ok {
		return
	}
	var out bytes.Buffer
	err := pageTemplate.Execute(&out, map[string]any{
		"Stories": stories, "Database": h.database, "Opening": opening, "Price": price, "Code": pieces, "MostName": mostName,
	})
	if err != nil {
		h.log(err)
		http.Error(w, "the page cannot be shown: see the terminal", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = out.WriteTo(w)
}

// press is POST /play: a story begins.
func (h *host) press(w http.ResponseWriter, r *http.Request) {
	b, ok := h.bankFor(w, r)
	if !ok {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, mostBody)
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(patienceForBody))
	if err := r.ParseForm(); err != nil {
		http.Error(w, "this is more than the form has", http.StatusRequestEntityTooLarge)
		return
	}
	story := storyOf(r.PostForm.Get("story"))
	typed := address{ID: "home", Name: strings.TrimSpace(r.PostForm.Get("name")), Street: strings.TrimSpace(r.PostForm.Get("street"))}
	isFilledIn := isTyped(typed.Name) && isTyped(typed.Street)
	switch {
	case story == nil:
		http.Error(w, "there is no such story", http.StatusNotFound)
		return
	case story.Thing == "record" && !isFilledIn:
		http.Error(w, fmt.Sprintf("Type a name and a street of up to %d characters each.", mostName), http.StatusBadRequest)
		return
	}
	if err := h.play(b, story, r.PostForm.Get("with") == "yes", typed); err != nil {
		http.Error(w, err.Error(), http.StatusTooManyRequests)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

func isTyped(s string) bool {
	return s != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= mostName && !strings.ContainsRune(s, 0)
}

// events is GET /events, a stream of server-sent events. A page that comes back says which event it had last.
func (h *host) events(w http.ResponseWriter, r *http.Request) {
	b, ok := h.bankFor(w, r)
	if !ok {
		return
	}
	leave, ok := b.listen()
	if !ok {
		http.Error(w, "too many pages are open", http.StatusTooManyRequests)
		return
	}
	defer leave()
	w.Header().Set("Content-Type", "text/event-stream")
	after, _ := strconv.Atoi(r.Header.Get("Last-Event-ID"))
	out := http.NewResponseController(w)
	stream(r.Context(), b.feed, after, func(text string) error {
		_ = out.SetWriteDeadline(time.Now().Add(10 * time.Second)) // a browser that reads no more is not waited for
		if _, err := w.Write([]byte(text)); err != nil {
			return err
		}
		return out.Flush()
	})
}

// stream writes a feed's events until the context ends or write fails. A comment every 20 seconds finds out whether the browser is
// still there.
func stream(ctx context.Context, f *feed, after int, write func(string) error) {
	alive := time.NewTicker(20 * time.Second)
	defer alive.Stop()
	text := ": hello\n\n"
	for {
		fresh, last, more := f.since(after)
		for i, e := range fresh {
			text += fmt.Sprintf("id: %d\ndata: %s\n\n", last-len(fresh)+i+1, e)
		}
		after = last
		if write(text) != nil {
			return
		}
		text = ""
		select {
		case <-ctx.Done():
			return
		case <-more:
		case <-alive.C:
			text = ": still here\n\n"
		}
	}
}
