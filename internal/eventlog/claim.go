package eventlog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Window limits a claim; the zero value does not.
type Window struct {
	From, Until time.Time // received_at >= From and < Until; zero: no bound
	NewestFirst bool
}

// Reserve makes at most claims claims of at most batch events each and commits them, not waiting for the disk: if a
// crash loses a claim, its events are delivered again. There are none when there is nothing to do now.
func Reserve(ctx context.Context, pool *pgxpool.Pool, consumer string, batch, claims int, lease time.Duration, w Window) ([]Reservation, error) {
	rows, err := pool.Query(ctx, `select r.claim_id, r.lane, r.first_id, r.last_id, r.bits::text, r.events, r.attempt, r.lease_until, r.drained_to
		from (select pg_catalog.set_config('synchronous_commit', 'off', true) offset 0) s,
		lateral howdah.reserve($1::text, $2::int, $3::interval, $4::timestamptz, $5::timestamptz, $6::boolean, $7::int) r
		where s.set_config = 'off'`,
		consumer, batch, duration(lease), instant(w.From), instant(w.Until), w.NewestFirst, claims)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Reservation])
}

// duration makes an interval parameter; zero means the consumer's own.
func duration(d time.Duration) *string {
	if d == 0 {
		return nil
	}
	s := Interval(d)
	return &s
}

// Interval writes a duration as PostgreSQL reads it: before 15, a number of microseconds would have to fit 32 bits.
func Interval(d time.Duration) string { return fmt.Sprintf("%.6f seconds", d.Seconds()) }

// Ack marks a claim, or the named events of it, as done.
func Ack(ctx context.Context, q Querier, claimID int64, ids []int64) (n int64, err error) {
	err = q.QueryRow(ctx, "select howdah.ack($1::bigint, $2::bigint[])", claimID, ids).Scan(&n)
	return n, err
}

// Nack sends a claim's events, or the named ones, round again, after retryIn if it is not negative.
func Nack(ctx context.Context, q Querier, claimID int64, ids []int64, reason string, retryIn time.Duration) (n int64, err error) {
	var in any
	if retryIn >= 0 {
		in = Interval(retryIn)
	}
	err = q.QueryRow(ctx, "select howdah.nack($1::bigint, $2::bigint[], $3::text, $4::interval)", claimID, ids, text(reason), in).Scan(&n)
	return n, err
}

// Release hands a claim back without counting an attempt.
func Release(ctx context.Context, q Querier, claimID int64) (n int64, err error) {
	err = q.QueryRow(ctx, "select howdah.release($1::bigint)", claimID).Scan(&n)
	return n, err
}

// Extend prolongs a claim by a lease from now.
func Extend(ctx context.Context, q Querier, claimID int64, lease time.Duration) (until time.Time, err error) {
	err = q.QueryRow(ctx, "select howdah.extend($1::bigint, $2::interval)", claimID, duration(lease)).Scan(&until)
	return until.UTC(), err
}
