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
	do func(ctx context.Context, together []T)

	mu      sync.Mutex
	waiting []member[T]
	running bool
}

type member[T any] struct {
	p    T
	done chan struct{}
}

// add has p done, soon, even if ctx ends before; the channel is closed then.
func (g *group[T]) add(ctx context.Context, p T) (done <-chan struct{}) {
	m := member[T]{p, make(chan struct{})}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, m)
	if !g.running {
		g.running = true
		go g.run(context.WithoutCancel(ctx))
	}
	return m.done
}

// run goes on until nothing waits.
func (g *group[T]) run(ctx context.Context) {
	runtime.Gosched() // those that were woken with the first come first
	for {
		g.mu.Lock()
		n := min(len(g.waiting), maxTogether)
		members := g.waiting[:n:n]
		g.waiting = g.waiting[n:]
		g.running = n > 0
		g.mu.Unlock()
		if n == 0 {
			return
		}
		together := make([]T, n)
		for i, m := range members {
			together[i] = m.p
		}
		g.do(ctx, together)
		for _, m := range members {
			close(m.done)
		}
	}
}
