package eventlog

import (
	"context"
	"runtime"
	"sync"
)

// maxTogether is how much of one kind goes into one transaction.
const maxTogether = 256

// A group does together what goroutines of a process ask for at the same moment: what arrives while some is on its way
// goes in the next transaction. For small batches most of what a call costs is the transaction: the wait for the disk, and
// what PL/pgSQL sets up anew in each.
type group[T any] struct {
	do func(ctx context.Context, together []T) // answers all of them

	mu      sync.Mutex
	waiting []T
	running bool
}

// add has p done, soon, even if ctx ends before.
func (g *group[T]) add(ctx context.Context, p T) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, p)
	if !g.running {
		g.running = true
		go g.run(context.WithoutCancel(ctx))
	}
}

// run goes on until nothing waits.
func (g *group[T]) run(ctx context.Context) {
	runtime.Gosched() // those that were woken with the first come first
	for {
		g.mu.Lock()
		n := min(len(g.waiting), maxTogether)
		batch := g.waiting[:n:n]
		g.waiting = g.waiting[n:]
		g.running = n > 0
		g.mu.Unlock()
		if n == 0 {
			return
		}
		g.do(ctx, batch)
	}
}
