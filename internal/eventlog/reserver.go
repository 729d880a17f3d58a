package eventlog

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const reservePatience = 2 * time.Second // with a connection that does not answer

// A Reserver reserves for the consumers of a process that wait for news: they are woken together, and the second claim of a
// transaction costs about a third of the first.
type Reserver struct {
	pool  *pgxpool.Pool
	group group[*pendingReserve]
}

type pendingReserve struct {
	consumer      string
	batch, claims int
	lease         time.Duration
	made          []Reservation
	alone         bool // it was not done together
}

// NewReserver makes a reserver; it needs no end.
func NewReserver(pool *pgxpool.Pool) *Reserver {
	r := &Reserver{pool: pool}
	r.group.do = r.reserve
	return r
}

// Reserve does what Reserve without a window does. What it has claimed when ctx ends before is handed back.
func (r *Reserver) Reserve(ctx context.Context, consumer string, batch, claims int, lease time.Duration) ([]Reservation, error) {
	p := &pendingReserve{consumer: consumer, batch: batch, claims: claims, lease: lease}
	done := r.group.add(ctx, p)
	select {
	case <-done:
	case <-ctx.Done():
		go func() { <-done; r.handBack(context.WithoutCancel(ctx), p.made) }()
		return nil, ctx.Err()
	}
	if p.alone {
		return Reserve(ctx, r.pool, consumer, batch, claims, lease, Window{})
	}
	return p.made, nil
}

func (r *Reserver) handBack(ctx context.Context, made []Reservation) {
	ctx, cancel := context.WithTimeout(ctx, reservePatience)
	defer cancel()
	for _, v := range made {
		_, _ = Release(ctx, r.pool, v.ClaimID) // or its lease passes
	}
}

// reserve reserves for all in one transaction. Where one of them is refused or has to wait for another transaction, each
// goes its own way.
func (r *Reserver) reserve(ctx context.Context, batch []*pendingReserve) {
	if r.together(ctx, batch) == nil {
		return
	}
	for _, p := range batch {
		p.alone = true
	}
}

func (r *Reserver) together(ctx context.Context, batch []*pendingReserve) error {
	ctx, cancel := context.WithTimeout(ctx, reservePatience)
	defer cancel()
	// by name, so that transactions that lock the same consumers do so in one order
	slices.SortFunc(batch, func(x, y *pendingReserve) int { return cmp.Compare(x.consumer, y.consumer) })
	var (
		consumers       []string
		batches, claims []int
		leases          []*string
	)
	for _, p := range batch {
		consumers, batches, claims = append(consumers, p.consumer), append(batches, p.batch), append(claims, p.claims)
		leases = append(leases, duration(p.lease))
	}
	rows, err := r.pool.Query(ctx, `select i.n, r.claim_id, r.lane, r.first_id, r.last_id, r.bits::text, r.events, r.attempt, r.lease_until, r.drained_to
		from (select pg_catalog.set_config('synchronous_commit', 'off', true) as off, pg_catalog.set_config('lock_timeout', '20ms', true) offset 0) s,
		unnest($1::text[], $2::int[], $3::text[], $4::int[]) with ordinality i (consumer, batch, lease, claims, n),
		lateral howdah.reserve(i.consumer, case s.off when 'off' then i.batch end, i.lease::interval, null, null, false, i.claims) r`,
		consumers, batches, leases, claims)
	if err != nil {
		return err
	}
	type row struct {
		N int
		Reservation
	}
	made, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		return err
	}
	for _, v := range made {
		p := batch[v.N-1]
		p.made = append(p.made, v.Reservation)
	}
	return nil
}
