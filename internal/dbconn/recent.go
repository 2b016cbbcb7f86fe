package dbconn

import (
	"reflect"
	"sync/atomic"
)

// Recent remembers a value for each of the handles that were used last. A handle whose type cannot be compared is not
// remembered.
type Recent[V any] struct{ kept atomic.Pointer[[]known[V]] }

type known[V any] struct {
	handle Handle
	value  V
}

// handlesKept bounds how many handles are remembered, because a program has only a few.
const handlesKept = 16

// Get returns the value that is remembered for a handle.
func (r *Recent[V]) Get(h Handle) (value V, ok bool) {
	if !reflect.ValueOf(h).Comparable() {
		return value, false
	}
	for _, k := range r.load() {
		if k.handle == h {
			return k.value, true
		}
	}
	return value, false
}

func (r *Recent[V]) load() []known[V] {
	if kept := r.kept.Load(); kept != nil {
		return *kept
	}
	return nil
}

// Add remembers the handle's value. If another goroutine adds at the same time, one of the two values may be lost, and is only
// found out again.
func (r *Recent[V]) Add(h Handle, value V) {
	if !reflect.ValueOf(h).Comparable() {
		return
	}
	kept := r.load()
	kept = append([]known[V]{{h, value}}, kept[:min(len(kept), handlesKept-1)]...)
	r.kept.Store(&kept)
}
