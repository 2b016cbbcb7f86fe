package statement

import "sync"

// cacheSize bounds how many texts a cache keeps. There are few variants, except that the masks of omitted columns can be many. So
// if the cache is full, a new text is not kept.
const cacheSize = 512

// cache keeps the texts of variants.
type cache struct {
	mu    sync.RWMutex
	texts map[Variant]string
}

// get returns a variant's text from the cache, or the text that write returns.
func (c *cache) get(v Variant, write func() (string, error)) (string, error) {
	c.mu.RLock()
	text, ok := c.texts[v]
	c.mu.RUnlock()
	if ok {
		return text, nil
	}
	text, err := write()
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.texts == nil {
		c.texts = map[Variant]string{}
	}
	if len(c.texts) < cacheSize {
		c.texts[v] = text
	}
	return text, nil
}

// clear empties the cache.
func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.texts = nil
}
