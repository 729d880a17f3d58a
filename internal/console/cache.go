package console

import (
	"sync"
	"time"
)

// cache lets the open pages of one consumer or topic share what they read, and bounds how often it is read.
type cache struct {
	mu      sync.Mutex
	entries map[string]*entry
}

type entry struct {
	mu    sync.Mutex
	at    time.Time
	took  time.Duration
	value any
	err   error
}

// oldest is what a page shows of what takes long to read.
const oldest = 5 * time.Second

// cached gives what load gave at most a second ago, or up to five where it takes long.
func cached[T any](c *cache, key string, load func() (T, error)) (T, error) {
	c.mu.Lock()
	if c.entries == nil {
		c.entries = map[string]*entry{}
	}
	e := c.entries[key]
	if e == nil {
		for k, old := range c.entries {
			if old.mu.TryLock() {
				if time.Since(old.at) > time.Minute {
					delete(c.entries, k)
				}
				old.mu.Unlock()
			}
		}
		e = &entry{}
		c.entries[key] = e
	}
	c.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.value == nil || e.err != nil || time.Since(e.at) > min(max(watched*9/10, share*e.took), oldest) {
		began := time.Now()
		var v T
		v, e.err = load()
		e.at, e.took, e.value = time.Now(), time.Since(began), v
	}
	return e.value.(T), e.err
}

// forget makes the next look a fresh one, after an action.
func (c *cache) forget() {
	c.mu.Lock()
	c.entries = nil
	c.mu.Unlock()
}
