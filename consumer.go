package howdah

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah/internal/eventlog"
)

// Consumer is a named subscription to one topic. Workers in any number of processes share its work.
type Consumer struct {
	db   *DB
	name string
}

// Consumer gives a handle; it does not look whether the consumer exists.
func (db *DB) Consumer(name string) *Consumer { return &Consumer{db: db, name: name} }

// Name is the consumer's name.
func (c *Consumer) Name() string { return c.name }

// A ConsumerOption changes what CreateConsumer makes.
type ConsumerOption func(*consumerOptions)

type consumerOptions struct {
	start       string
	lease       time.Duration
	maxAttempts int
	ordered     bool
}

// FromEarliest starts at the first event; that is the default.
func FromEarliest() ConsumerOption { return func(o *consumerOptions) { o.start = "earliest" } }

// FromLatest starts after the last event that is settled now.
func FromLatest() ConsumerOption { return func(o *consumerOptions) { o.start = "latest" } }

// FromID starts at an id.
func FromID(id int64) ConsumerOption {
	return func(o *consumerOptions) { o.start = strconv.FormatInt(id, 10) }
}

// FromTime starts at the first event that was received at t or later.
func FromTime(t time.Time) ConsumerOption {
	return func(o *consumerOptions) { o.start = t.UTC().Format(time.RFC3339Nano) }
}

// Lease is how long a worker may be silent before its events are delivered again; the default is 30 s.
func Lease(d time.Duration) ConsumerOption { return func(o *consumerOptions) { o.lease = d } }

// MaxAttempts is how often an event may fail before it becomes a dead letter; the default is 5.
func MaxAttempts(n int) ConsumerOption { return func(o *consumerOptions) { o.maxAttempts = n } }

// Ordered makes a consumer that handles the events of each partition strictly one claim after another.
func Ordered() ConsumerOption { return func(o *consumerOptions) { o.ordered = true } }

// CreateConsumer makes a consumer of a topic. The same again is no error; another one under the name is ErrExists.
func (db *DB) CreateConsumer(ctx context.Context, name, topic string, options ...ConsumerOption) (*Consumer, error) {
	o := consumerOptions{start: "earliest", lease: 30 * time.Second, maxAttempts: 5}
	for _, f := range options {
		f(&o)
	}
	_, err := db.pool.Exec(ctx, "select howdah.create_consumer($1::text, $2::text, $3::text, $4::interval, $5::int, $6::boolean)",
		name, topic, o.start, eventlog.Interval(o.lease), o.maxAttempts, o.ordered)
	return db.Consumer(name), wrap(err, "create consumer")
}

// DropConsumer forgets a consumer and its state. The events stay.
func (db *DB) DropConsumer(ctx context.Context, name string) error {
	return db.Consumer(name).exec(ctx, "drop consumer", "select howdah.drop_consumer($1::text)")
}

func (c *Consumer) exec(ctx context.Context, op, sql string, args ...any) error {
	_, err := c.db.pool.Exec(ctx, sql, append([]any{c.name}, args...)...)
	return wrap(err, "%s", op)
}

// Seek moves the consumer to "earliest", "latest", an id, or a time with its zone. What is open or pending ends.
func (c *Consumer) Seek(ctx context.Context, target string) error {
	return c.exec(ctx, "seek", "select howdah.seek($1::text, $2::text)", target)
}

// Replay delivers the events from..until, both included, again; the consumer's position stays.
func (c *Consumer) Replay(ctx context.Context, from, until int64) error {
	return c.exec(ctx, "replay", "select howdah.replay($1::text, $2::bigint, $3::bigint)", from, until)
}

// Redrive sends dead letters round again: those named, or all. It returns how many.
func (c *Consumer) Redrive(ctx context.Context, ids ...int64) (n int64, err error) {
	err = c.db.pool.QueryRow(ctx, "select howdah.redrive($1::text, $2::bigint[])", c.name, ids).Scan(&n)
	return n, wrap(err, "redrive")
}

// Pause stops handing out events; what is open may still be acked. Resume goes on.
func (c *Consumer) Pause(ctx context.Context) error {
	return c.exec(ctx, "pause", "select howdah.pause($1::text, true)")
}

// Resume undoes Pause.
func (c *Consumer) Resume(ctx context.Context) error {
	return c.exec(ctx, "resume", "select howdah.pause($1::text, false)")
}

// A ClaimOption changes one claim.
type ClaimOption func(*claimOptions)

type claimOptions struct {
	lease  time.Duration
	window eventlog.Window
}

// ClaimLease takes another lease than the consumer's.
func ClaimLease(d time.Duration) ClaimOption { return func(o *claimOptions) { o.lease = d } }

// Between limits a claim to events received in from <= t < until; a zero time is no bound.
func Between(from, until time.Time) ClaimOption {
	return func(o *claimOptions) { o.window.From, o.window.Until = from, until }
}

// NewestFirst takes the newest events first.
func NewestFirst() ClaimOption { return func(o *claimOptions) { o.window.NewestFirst = true } }

// Claim takes at most n events for this worker alone. It returns nil when there is nothing to do now. The claim is
// committed before the rows are read. Most programs use Run instead.
func (c *Consumer) Claim(ctx context.Context, n int, options ...ClaimOption) (*Claim, error) {
	var o claimOptions
	for _, f := range options {
		f(&o)
	}
	made, err := eventlog.Reserve(ctx, c.db.pool, c.name, n, 1, o.lease, o.window)
	if err != nil || len(made) == 0 {
		return nil, wrap(err, "claim for %s", c.name)
	}
	r := made[0]
	k := &Claim{ID: r.ClaimID, LeaseUntil: r.LeaseUntil.UTC(), db: c.db}
	reader, err := eventlog.NewReader(ctx, c.db.pool, c.name)
	if err == nil {
		k.Events, err = reader.Read(ctx, c.db.pool, r)
	}
	if err != nil {
		// Nobody knows of the claim: others need not wait until its lease has passed.
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), givingBack)
		defer cancel()
		_ = k.Release(last)
		return nil, wrap(err, "claim for %s", c.name)
	}
	return k, nil
}

// Claim is a batch of events that one worker holds until it acks or nacks them, or the lease passes.
type Claim struct {
	ID         int64
	Events     []Event
	LeaseUntil time.Time
	db         *DB
}

// Ack says that the events (all, or those named) are done, and returns how many. ErrClaimLost: they are delivered again.
// After an error that IsTemporary they may have been acked.
func (k *Claim) Ack(ctx context.Context, ids ...int64) (int64, error) {
	if len(ids) == 0 {
		n, err := k.db.acker.Ack(ctx, k.ID)
		return n, wrap(err, "ack")
	}
	n, err := eventlog.Ack(ctx, k.db.pool, k.ID, ids)
	return n, wrap(err, "ack")
}

// AckTx acks in the caller's transaction, so that its writes and the ack commit together.
func (k *Claim) AckTx(ctx context.Context, tx pgx.Tx, ids ...int64) (int64, error) {
	n, err := eventlog.Ack(ctx, tx, k.ID, ids)
	return n, wrap(err, "ack")
}

// Nack says that the events (all, or those named) failed, and why. They are delivered again after a back-off, or become
// dead letters.
func (k *Claim) Nack(ctx context.Context, reason string, ids ...int64) (int64, error) {
	n, err := eventlog.Nack(ctx, k.db.pool, k.ID, ids, reason, -1)
	return n, wrap(err, "nack")
}

// NackTx nacks in the caller's transaction.
func (k *Claim) NackTx(ctx context.Context, tx pgx.Tx, reason string, ids ...int64) (int64, error) {
	n, err := eventlog.Nack(ctx, tx, k.ID, ids, reason, -1)
	return n, wrap(err, "nack")
}

// Retry is Nack with a delay of the caller's choice.
func (k *Claim) Retry(ctx context.Context, reason string, in time.Duration, ids ...int64) (int64, error) {
	n, err := eventlog.Nack(ctx, k.db.pool, k.ID, ids, reason, max(in, 0))
	return n, wrap(err, "nack")
}

// Extend prolongs the lease from now, by d or, where d is 0, by the consumer's lease.
func (k *Claim) Extend(ctx context.Context, d time.Duration) (time.Time, error) {
	until, err := eventlog.Extend(ctx, k.db.pool, k.ID, d)
	if err == nil {
		k.LeaseUntil = until
	}
	return until, wrap(err, "extend")
}

// Release hands the claim back untouched, for another worker; no attempt is counted.
func (k *Claim) Release(ctx context.Context) error {
	_, err := eventlog.Release(ctx, k.db.pool, k.ID)
	return wrap(err, "release")
}
