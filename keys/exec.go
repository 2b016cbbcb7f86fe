package keys

import "context"

// Exec is [Run] for an fn that returns no result. The record of the key then says only that the effect happened, and a repeated
// call returns replayed true.
//
// Exec also accepts a key that Run has recorded with a result, whatever the result's codec is, and ignores the result. So
// [WithCodec] changes nothing. Everything else is as Run describes.
func Exec(ctx context.Context, s *Store, k Key, fp Fingerprint, fn func(context.Context, *Tx) error, opts ...ClaimOption) (replayed bool, err error) {
	if fn == nil {
		return false, errNoFunc
	}
	f := func(ctx context.Context, tx *Tx) (struct{}, error) { return struct{}{}, fn(ctx, tx) }
	_, replayed, err = Run(ctx, s, k, fp, f, append(opts[:len(opts):len(opts)], withoutResult)...)
	return replayed, err
}

// withoutResult makes a call accept every stored result and ignore it.
var withoutResult = claimOption(func(c *claim) error { c.codec = noResult{}; return nil })

// noResult is the codec of a call that has no result. It writes what JSON writes for struct{}{}, so that Run can replay the key
// with a struct{}.
type noResult struct{}

func (noResult) Name() string               { return jsonCodec{}.Name() }
func (noResult) Encode(any) ([]byte, error) { return []byte("{}"), nil }
func (noResult) Decode([]byte, any) error   { return nil }
