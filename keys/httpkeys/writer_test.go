package httpkeys_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/keys/httpkeys"
)

// Nothing is sent before the commit, so a handler can neither flush nor hijack. Deadlines reach the connection.
func TestResponseController(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	server := httptest.NewServer(l.handler(func(w http.ResponseWriter, r *http.Request) {
		l.write(r, "controller")
		c := http.NewResponseController(w)
		if err := c.Flush(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("Flush: %v; want http.ErrNotSupported", err)
		}
		if _, _, err := c.Hijack(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("Hijack: %v; want http.ErrNotSupported", err)
		}
		if err := c.EnableFullDuplex(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("EnableFullDuplex: %v; want http.ErrNotSupported", err)
		}
		if err := errors.Join(c.SetReadDeadline(time.Now().Add(time.Hour)), c.SetWriteDeadline(time.Now().Add(-time.Hour))); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Idempotency-Key", "k")
	if res, err := server.Client().Do(r); err == nil {
		_ = res.Body.Close()
		t.Errorf("%d; want no answer, because the deadline is over", res.StatusCode)
	}
	if n := l.effects("controller"); n != 1 {
		t.Errorf("%d effects; want 1", n)
	}
	var w http.ResponseWriter
	do(l.handler(func(inner http.ResponseWriter, r *http.Request) { l.write(r, "inner"); w = inner }), post("i", ""))
	_, flushes := w.(http.Flusher)
	_, hijacks := w.(http.Hijacker)
	_, unwraps := w.(interface{ Unwrap() http.ResponseWriter })
	if flushes || hijacks || unwraps {
		t.Errorf("the writer flushes %t, hijacks %t, unwraps %t; want none", flushes, hijacks, unwraps)
	}
}

// A slow body holds no transaction. If the client goes away, nothing has happened.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	called := false
	h := l.handler(func(_ http.ResponseWriter, r *http.Request) { called = true; l.write(r, "slow") })
	body, client := io.Pipe()
	done := make(chan *httptest.ResponseRecorder)
	go func() {
		r := httptest.NewRequest(http.MethodPost, "/", body)
		r.Header.Set("Idempotency-Key", "slow")
		done <- do(h, r)
	}()
	if _, err := client.Write([]byte("half of")); err != nil {
		t.Fatal(err)
	}
	if n := l.db.Stats().InUse; n != 0 {
		t.Errorf("%d connections are in use while the body is read; want 0", n)
	}
	client.CloseWithError(io.ErrUnexpectedEOF)
	if w := <-done; w.Code != 400 || called {
		t.Errorf("%d, called %t; want 400 and no call", w.Code, called)
	}
}

// If a client goes away while its handler runs, the effect is rolled back, and the key is free.
func TestCancelledRequest(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	h := l.handler(func(_ http.ResponseWriter, r *http.Request) {
		l.write(r, "cancelled")
		cancel()
		if r.Context().Err() == nil {
			t.Error("the handler's context has not ended")
		}
	})
	if w := do(h, post("k", "").WithContext(ctx)); w.Code != 503 || l.effects("cancelled") != 0 {
		t.Errorf("%d and %d effects; want 503 and 0", w.Code, l.effects("cancelled"))
	}
	if w := do(l.handler(l.replies("again", 200, "")), post("k", "")); w.Code != 200 || l.effects("again") != 1 {
		t.Errorf("%d and %d effects; want 200 and 1", w.Code, l.effects("again"))
	}
}

// A handler learns of a response that is too large from Write, whatever it does then.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	for name, write := range map[string]func(io.Writer) error{
		"once":     func(w io.Writer) error { _, err := w.Write(make([]byte, 11)); return err },
		"in parts": func(w io.Writer) error { _, err := io.Copy(w, io.LimitReader(zeros{}, 11)); return err },
		"a string": func(w io.Writer) error { _, err := io.WriteString(w, "12345678901"); return err },
	} {
		h := l.handler(func(w http.ResponseWriter, r *http.Request) {
			l.write(r, "large")
			if err := write(w); !errors.Is(err, httpkeys.ErrResponseTooLarge) {
				t.Errorf("%s: Write: %v; want ErrResponseTooLarge", name, err)
			}
		}, httpkeys.MaxResponse(10))
		w := do(h, post(`"`+name+`"`, ""))
		if w.Code != 500 || l.effects("large") != 0 {
			t.Errorf("%s: %d and %d effects; want 500 and 0", name, w.Code, l.effects("large"))
		}
		wantProblem(t, w.Body.Bytes(), "response-too-large", false, true)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// With StoreNothingAbove the first caller gets everything, and no file is left behind.
func TestStoreNothingAbove(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	l := newSQLite(t)
	large := bytes.Repeat([]byte("0123456789"), 1<<16)
	h := l.handler(func(w http.ResponseWriter, r *http.Request) {
		l.write(r, "spilt")
		w.Header().Set("Location", "/large")
		for part := range bytes.SplitSeq(large, []byte("9")) {
			_, _ = w.Write(append(bytes.Clone(part), '9'))
		}
	}, httpkeys.StoreNothingAbove(), httpkeys.MaxResponse(1000))
	w := do(h, post("k", ""))
	if !bytes.Equal(w.Body.Bytes(), append(bytes.Clone(large), '9')) {
		t.Errorf("the first response has %d bytes; want all %d", w.Body.Len(), len(large)+1)
	}
	w = do(h, post("k", ""))
	if w.Code != 200 || w.Header().Get("Location") != "/large" || l.effects("spilt") != 1 {
		t.Errorf("the second: %d %v and %d effects", w.Code, w.Header(), l.effects("spilt"))
	}
	wantProblem(t, w.Body.Bytes(), "response-not-stored", false, false)
	if left, err := filepath.Glob(filepath.Join(dir, "httpkeys-*")); err != nil || len(left) != 0 {
		t.Errorf("files are left: %v, %v", left, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if w := do(h, post("no-room", "")); w.Code != 500 || l.effects("spilt") != 1 {
		t.Errorf("%d and %d effects without a folder for the file; want 500 and 1", w.Code, l.effects("spilt"))
	}
}

// Informational statuses and trailers are dropped on the wire too.
func TestWire(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	server := httptest.NewServer(l.handler(func(w http.ResponseWriter, r *http.Request) {
		l.write(r, "wire")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Trailer", "X-Sum")
		w.WriteHeader(http.StatusCreated)
		w.WriteHeader(http.StatusTeapot) // too late
		w.Header().Set("X-Sum", "1")
	}))
	defer server.Close()
	conn, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if text := string(answer); err != nil || !strings.HasPrefix(text, "HTTP/1.1 201 Created\r\n") || strings.Contains(text, "X-Sum") || strings.Contains(text, "103") {
		t.Errorf("%v:\n%s\nwant 201, no hint and no trailer", err, answer)
	}
}

// The files of a form that the handler has read are removed, and those of a form that was read before are not.
func TestMultipartForm(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	l := newSQLite(t)
	h := l.handler(func(w http.ResponseWriter, r *http.Request) {
		l.write(r, "form")
		if err := r.ParseMultipartForm(1); err != nil || len(r.MultipartForm.File["file"]) != 1 {
			t.Errorf("the form: %v, %v", r.MultipartForm, err)
		}
	})
	for n, want := range []int{0, 1} {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		file, err := form.CreateFormFile("file", "x")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write(make([]byte, 11<<20)); err != nil { // net/http holds 10 MiB beside the limit
			t.Fatal(err)
		}
		if err := form.Close(); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/", &body)
		r.Header.Set("Content-Type", form.FormDataContentType())
		r.Header.Set("Idempotency-Key", fmt.Sprint("form-", n))
		if n == 1 {
			if err := r.ParseMultipartForm(1); err != nil {
				t.Fatal(err)
			}
		}
		if w := do(h, r); w.Code != 200 {
			t.Errorf("%d %s; want 200", w.Code, w.Body)
		}
		if left, err := filepath.Glob(filepath.Join(dir, "multipart-*")); err != nil || len(left) != want {
			t.Errorf("%d: the files %v are left, %v; want %d", n, left, err, want)
		}
	}
}
