package claimsql

import (
	"encoding/hex"
	"strconv"
)

// builder writes one statement of s.
type builder struct {
	s     *SQL
	words *words // s's
	buf   []byte
	args  []any
	bind  bool
}

// exec begins a statement that returns nothing, and query begins a statement that returns rows.
func (s *SQL) exec(text string) *builder {
	return &builder{s: s, words: &s.words, buf: append(make([]byte, 0, 1024), text...), bind: s.words.values.binds}
}

func (s *SQL) query(text string) *builder {
	b := s.exec(text)
	b.bind = b.bind || s.Bind
	return b
}

func (b *builder) sql(parts ...string) *builder {
	for _, p := range parts {
		b.buf = append(b.buf, p...)
	}
	return b
}

func (b *builder) num(n int64) *builder {
	b.buf = strconv.AppendInt(b.buf, n, 10)
	return b
}

func (b *builder) raw(v []byte) *builder {
	switch {
	case v == nil:
		return b.sql("NULL")
	case b.bind:
		return b.argument(v, "::bytea")
	}
	return b.digits(b.words.values.bytes, v)
}

func (b *builder) str(v string) *builder {
	if b.bind {
		return b.argument(v, "::text")
	}
	return b.digits(b.words.values.text, []byte(v))
}

func (b *builder) argument(v any, cast string) *builder {
	b.args = append(b.args, v)
	if !b.words.values.numbered {
		return b.sql("?")
	}
	return b.sql("$").num(int64(len(b.args))).sql(cast)
}

func (b *builder) digits(l literal, v []byte) *builder {
	b.sql(l.before)
	b.buf = hex.AppendEncode(b.buf, v)
	return b.sql(l.after)
}

func (b *builder) done() Statement { return Statement{Text: string(b.buf), Args: b.args} }
