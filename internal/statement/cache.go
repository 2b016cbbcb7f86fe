package statement

import (
	"sync"
	"sync/atomic"

	"github.com/goupsert/upsert/internal/schema"
)

// cacheSize bounds how many texts a cache keeps. There are few variants, except that the masks of omitted columns can be many. So
// if the cache is full, a new text is not kept.
const cacheSize = 512

// cache keeps the texts of variants.
type cache struct {
	last  atomic.Pointer[cached] // the text that was asked for last: a table has mostly one
	mu    sync.RWMutex
	texts map[Variant]*cached
}

// cached is a variant's text, written with the facts that were known. Old facts give another text, so the text holds for these only.
type cached struct {
	variant Variant
	known   *schema.Table
	text    string
}

// get returns a variant's text from the cache, or the text that write returns.
func (c *cache) get(v Variant, known *schema.Table, write func() (string, error)) (string, error) {
	if last := c.last.Load(); last != nil && last.variant == v && last.known == known {
		return last.text, nil
	}
	c.mu.RLock()
	kept := c.texts[v]
	c.mu.RUnlock()
	if kept != nil && kept.known == known {
		c.last.Store(kept)
		return kept.text, nil
	}
	text, err := write()
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.texts == nil {
		c.texts = map[Variant]*cached{}
	}
	if kept != nil || len(c.texts) < cacheSize {
		c.texts[v] = &cached{v, known, text}
	}
	return text, nil
}
