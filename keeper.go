package howdah

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/howdah/howdah/internal/eventlog"
)

// leaseConns is how many connections extend leases at most.
const leaseConns = 4

// keep extends what is held here three times a lease, on connections of its own and a few at a time, so that neither
// handlers that hold all connections nor one that does not answer lets leases pass. A handler whose claim is lost is told
// through its context.
func (r *runner) keep(ctx context.Context, lease time.Duration) {
	every := max(lease/3, time.Millisecond)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r.mu.Lock()
		jobs := slices.Collect(maps.Values(r.held))
		r.mu.Unlock()
		var all sync.WaitGroup
		few := make(chan struct{}, leaseConns)
		for _, j := range jobs {
			few <- struct{}{}
			all.Go(func() {
				r.extend(ctx, j, max(every, 10*time.Millisecond))
				<-few
			})
		}
		all.Wait()
	}
}

// extend extends one lease.
func (r *runner) extend(ctx context.Context, j *job, patience time.Duration) {
	err := eventlog.Within(ctx, patience, func(ctx context.Context) error {
		_, err := eventlog.Extend(ctx, r.c.db.leases, j.claim.ID, r.o.lease)
		return wrap(err, "extend")
	})
	if !errors.Is(err, ErrClaimLost) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	j.lost = true
	if j.cancel != nil && r.held[j.claim.ID] == j {
		j.cancel(err)
	}
}
