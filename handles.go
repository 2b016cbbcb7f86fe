package upsert

import (
	"reflect"
	"sync/atomic"
)

// handles remembers something of each of the handles that were used last.
type handles[V any] struct{ kept atomic.Pointer[[]handle[V]] }

type handle[V any] struct {
	db    DB
	value V
}

// handlesKept bounds how many are remembered: a program has few.
const handlesKept = 16

func (h *handles[V]) get(db DB) (value V, ok bool) {
	if !reflect.ValueOf(db).Comparable() {
		return value, false
	}
	for _, k := range h.load() {
		if k.db == db {
			return k.value, true
		}
	}
	return value, false
}

func (h *handles[V]) load() []handle[V] {
	if kept := h.kept.Load(); kept != nil {
		return *kept
	}
	return nil
}

// add remembers the handle's value. If another goroutine adds at the same time, one of the two may be lost, which costs no
// more than to find it out again.
func (h *handles[V]) add(db DB, value V) {
	if !reflect.ValueOf(db).Comparable() {
		return
	}
	kept := h.load()
	kept = append([]handle[V]{{db, value}}, kept[:min(len(kept), handlesKept-1)]...)
	h.kept.Store(&kept)
}
