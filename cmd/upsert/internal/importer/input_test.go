package importer

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestInterruptible_ReadsAll(t *testing.T) {
	t.Parallel()
	text := manyRows(20_000)
	for name, from := range map[string]io.Reader{
		"at once": strings.NewReader(text), "bytes": iotest.OneByteReader(strings.NewReader(text[:1000])), "end with data": iotest.DataErrReader(strings.NewReader(text)),
	} {
		got, err := io.ReadAll(&interruptible{ctx: t.Context(), from: from})
		if err != nil || !strings.HasPrefix(text, string(got)) || len(got) < 1000 {
			t.Errorf("%s: %d bytes, error %v; want the text", name, len(got), err)
		}
	}
}

func TestInterruptible_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	from, to := io.Pipe() // nobody ever writes to it
	t.Cleanup(func() { _ = to.Close() })
	go cancel()
	if _, err := (&interruptible{ctx: ctx, from: from}).Read(make([]byte, 9)); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v; want the context's error", err)
	}
}
