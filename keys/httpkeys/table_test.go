package httpkeys_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goupsert/upsert/keys"
	"github.com/goupsert/upsert/keys/httpkeys"
)

var update = flag.Bool("update", false, "rewrite testdata/requests.txt")

const tableFile = "testdata/requests.txt"

// TestRequests sends the requests of a table, one after the other, and compares each answer header by header. A request has a
// line "= name" before it. A line "-" is between a request and its answer, which ends with the number of effects so far.
func TestRequests(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	server := httptest.NewServer(l.tableServer())
	defer server.Close()
	text, err := os.ReadFile(tableFile)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cases := strings.Split(string(text), "\n= ")
	out.WriteString(cases[0])
	for _, c := range cases[1:] {
		request, want, _ := strings.Cut(c, "\n-\n")
		got := l.answerTo(server.URL, request)
		fmt.Fprintf(&out, "\n= %s\n-\n%s", request, got)
		if got != want && !*update {
			t.Errorf("%s\nanswered:\n%s\nwant:\n%s", request, got, want)
		}
	}
	if len(cases)-1 < 100 {
		t.Errorf("%d requests; want at least 100", len(cases)-1)
	}
	if *update {
		if err := os.WriteFile(tableFile, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// answerTo sends a request of the table, and returns the answer in the table's form.
func (l *lab) answerTo(url, text string) string {
	l.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")[1:]
	method, path, _ := strings.Cut(lines[0], " ")
	r, err := http.NewRequestWithContext(l.Context(), method, url+path, strings.NewReader(body))
	if err != nil {
		l.Fatal(err)
	}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, strings.ReplaceAll(value, "LONG", strings.Repeat("k", 255)))
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		l.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		l.Fatal(err)
	}
	var out strings.Builder
	fmt.Fprintln(&out, res.StatusCode)
	res.Header.Del("Date")
	for _, name := range slices.Sorted(maps.Keys(res.Header)) {
		for _, v := range res.Header[name] {
			fmt.Fprintf(&out, "%s: %s\n", name, v)
		}
	}
	var effects int
	if err := l.db.Get(&effects, "SELECT COUNT(*) FROM effects"); err != nil {
		l.Fatal(err)
	}
	fmt.Fprintf(&out, "\n%s\neffects: %d\n", answer, effects)
	return out.String()
}

// tableServer has a middleware for each first part of a path.
func (l *lab) tableServer() http.Handler {
	mux := http.NewServeMux()
	for name, opts := range map[string][]httpkeys.Option{
		"default":  nil,
		"strict":   {httpkeys.Strict()},
		"optional": {httpkeys.Optional()},
		"put":      {httpkeys.Methods(http.MethodPut, http.MethodHead)},
		"small":    {httpkeys.MaxResponse(8), httpkeys.MaxRequest(8)},
		"spill":    {httpkeys.MaxResponse(8), httpkeys.StoreNothingAbove()},
		"rights":   {httpkeys.Authorize(checkRight)},
		"named":    {httpkeys.ReplayHeader("X-Again"), httpkeys.Problems("https://example.com/problems/"), httpkeys.Op("named"), httpkeys.StoreHeaders("X-Trace")},
		"keep":     {httpkeys.Remember(func(int) bool { return true }), httpkeys.CommitIf(func(status int) bool { return status == 409 })},
		"compare": {httpkeys.FingerprintBy(func(_ *http.Request, body []byte) (keys.Fingerprint, error) {
			return keys.FingerprintOf(rawJSON(body), "at")
		})},
	} {
		mw := httpkeys.New(l.store, tableScope, append(opts, httpkeys.Logger(silent))...)
		mux.Handle("/"+name+"/", mw.Handler(http.HandlerFunc(l.tableHandler)))
		mux.Handle("GET /"+name+"/keys/{key}", mw.Status())
	}
	mw := l.middleware()
	mux.HandleFunc("/serve/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Outer", "set before")
		if err := mw.Serve(w, r, l.failing); err != nil {
			http.Error(w, "after the middleware: "+err.Error(), http.StatusTeapot)
		}
	})
	return mux
}

func (l *lab) failing(w http.ResponseWriter, r *http.Request) error {
	l.tableHandler(w, r)
	if text := r.URL.Query().Get("error"); text != "" {
		return keys.Final(errors.New(text)) // the mark does not count here
	}
	return nil
}

func checkRight(r *http.Request) error {
	switch r.Header.Get("Right") {
	case "withdrawn":
		return errors.New("secret reason")
	case "hidden":
		return httpkeys.Reject(http.StatusNotFound, errors.New("secret reason"))
	}
	return nil
}

func tableScope(r *http.Request) (string, error) {
	switch user := r.Header.Get("User"); user {
	case "":
		return "ann", nil
	case "nobody":
		return "", nil
	case "expired":
		return "", errors.New("secret reason")
	case "barred":
		return "", httpkeys.Reject(http.StatusForbidden, errors.New("secret reason"))
	case "long":
		return strings.Repeat("u", 300), nil
	default:
		return user, nil
	}
}

// tableHandler does what the request's query says.
func (l *lab) tableHandler(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if r.Method != http.MethodGet && r.Method != http.MethodDelete {
		l.write(r, r.URL.Path)
	}
	if q.Has("read") {
		body, _ := io.ReadAll(r.Body)
		q.Set("body", string(body))
	}
	for _, h := range q["header"] {
		name, value, _ := strings.Cut(h, ":")
		w.Header().Add(name, value)
	}
	if n, err := strconv.Atoi(q.Get("hint")); err == nil {
		w.WriteHeader(n)
	}
	if n, err := strconv.Atoi(q.Get("status")); err == nil {
		w.WriteHeader(n)
	}
	if q.Has("late") {
		w.Header().Set("X-Late", "never")
		w.Header().Set(http.TrailerPrefix+"X-Trailer", "never")
	}
	if _, err := io.WriteString(w, q.Get("body")); err != nil && q.Has("heed") {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}
