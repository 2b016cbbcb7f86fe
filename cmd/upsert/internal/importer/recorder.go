package importer

import "io"

// recorder keeps what was read from a place on.
type recorder struct {
	from io.Reader
	kept []byte
	// base is the offset of the first byte that is kept.
	base int64
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.kept = append(r.kept, p[:n]...)
	return n, err
}

// forget lets go of what is before an offset.
func (r *recorder) forget(offset int64) {
	r.kept, r.base = r.kept[offset-r.base:], offset
}

func (r *recorder) text(from, to int64) string {
	return string(r.kept[from-r.base : to-r.base])
}
