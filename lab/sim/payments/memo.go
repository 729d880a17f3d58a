package payments

import "sync"

// memo keeps the latest values of a pure function of the day. Two goroutines that need the same day make it once.
// What has been dropped is simply made again.
type memo[T any] struct {
	mu      sync.Mutex
	keep    int
	tick    int64
	entries map[int]*entry[T]
	create  func(day int) T
}

type entry[T any] struct {
	once  sync.Once
	value T
	used  int64 // guarded by memo.mu
}

func newMemo[T any](keep int, create func(day int) T) *memo[T] {
	return &memo[T]{keep: keep, entries: map[int]*entry[T]{}, create: create}
}

func (m *memo[T]) get(day int) T {
	m.mu.Lock()
	e, ok := m.entries[day]
	if !ok {
		if len(m.entries) >= m.keep {
			m.dropOldest()
		}
		e = &entry[T]{}
		m.entries[day] = e
	}
	m.tick++
	e.used = m.tick
	m.mu.Unlock()
	e.once.Do(func() { e.value = m.create(day) })
	return e.value
}

func (m *memo[T]) dropOldest() {
	oldest, used := 0, int64(-1)
	for day, e := range m.entries {
		if used < 0 || e.used < used {
			oldest, used = day, e.used
		}
	}
	delete(m.entries, oldest)
}
