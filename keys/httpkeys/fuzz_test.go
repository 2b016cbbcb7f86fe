package httpkeys_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert/keys/httpkeys"
)

// FuzzKey checks that a key has the same meaning in both forms, and that strict refuses what has no quotes.
func FuzzKey(f *testing.F) {
	for _, line := range []string{"a", `"a"`, `"a\"b\\c"`, `"a";x=1`, "17", "?1", ":YQ==:", `%"a"`, "@1", "a b", "", `""`, "é", strings.Repeat("k", 256)} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		key, err := httpkeys.ParseKey([]string{line}, false)
		if _, strict := httpkeys.ParseKey([]string{line}, true); strict == nil && (err != nil || !strings.HasPrefix(strings.TrimLeft(line, " "), `"`)) {
			t.Errorf("%q is accepted by Strict, and otherwise %v", line, err)
		}
		if err != nil {
			return
		}
		if len(key) == 0 || len(key) > 255 || strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Fatalf("%q gives the key %q", line, key)
		}
		quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(key) + `"`
		if again, err := httpkeys.ParseKey([]string{quoted}, true); again != key || err != nil {
			t.Errorf("%q gives %q, but %q gives %q, %v", line, key, quoted, again, err)
		}
	})
}

// FuzzStored checks that whatever is stored is refused or has one form.
func FuzzStored(f *testing.F) {
	for _, data := range []string{"1 201\n\n", "1 201\nContent-Type: text/plain\n\nbody", "1- 200\nContent-Type\n\n", "1 200\nVary: a\nVary: b\n\n\n\n", "2 200\n\n", "1 20\n\n", "1 200\nvary: a\n\n"} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		once, err := httpkeys.Recode(data)
		if err != nil {
			return
		}
		twice, err := httpkeys.Recode(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%q becomes %q, and then %q, %v", data, once, twice, err)
		}
	})
}

// FuzzResponse checks that a replay is the first response again: its status, its body, and its stored headers.
func FuzzResponse(f *testing.F) {
	l := newSQLite(f)
	n := 0
	f.Add(200, "Content-Type", "text/plain", []byte("body"))
	f.Add(402, "Link", "a\nb: c\r\n\r\n", []byte{0, 255, '\n'})
	f.Add(204, "Etag", "", []byte(nil))
	f.Add(301, "Location", "/\xff", []byte("<html>"))
	f.Fuzz(func(t *testing.T, status int, name, value string, body []byte) {
		if status < 200 || status >= 500 || slices.Contains([]int{408, 425, 429}, status) {
			return
		}
		n++
		h := l.in(t).handler(func(w http.ResponseWriter, r *http.Request) {
			l.in(t).write(r, "fuzz")
			w.Header()[name] = []string{value}
			w.WriteHeader(status)
			_, _ = w.Write(body)
		})
		request := func() *http.Request { return post(fmt.Sprint("key-", n), string(body)) }
		first, second := do(h, request()), do(h, request())
		one, err1 := io.ReadAll(first.Result().Body)
		two, err2 := io.ReadAll(second.Result().Body)
		if first.Code != second.Code || !bytes.Equal(one, two) || err1 != nil || err2 != nil || second.Header().Get("Idempotent-Replayed") != "true" {
			t.Errorf("%d %q, and then %d %q (%v, %v)", first.Code, one, second.Code, two, err1, err2)
		}
		for _, stored := range []string{"Content-Type", "Location", "Etag"} {
			if a, b := first.Header().Get(stored), second.Header().Get(stored); strings.Trim(strings.NewReplacer("\r", " ", "\n", " ").Replace(a), " \t") != b {
				t.Errorf("%s: %q, and then %q", stored, a, b)
			}
		}
	})
}
