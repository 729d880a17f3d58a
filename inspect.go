package howdah

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah/internal/eventlog"
)

// TopicInfo describes a topic.
type TopicInfo struct {
	Topic            string    `json:"topic"`
	Partitions       int       `json:"partitions"`
	Events           int64     `json:"events"` // distance of ids: an upper bound where ids were left out
	FirstID          *int64    `json:"first_id"`
	LastID           int64     `json:"last_id"`   // the last id drawn
	StableID         *int64    `json:"stable_id"` // nothing can appear at or below it; null on a standby
	Bytes            int64     `json:"bytes"`     // with indexes
	RetentionSeconds *float64  `json:"retention_seconds"`
	MaxBytes         *int64    `json:"max_bytes"`
	Format           string    `json:"format"` // json or bytes
	Adopted          bool      `json:"adopted"`
	Source           string    `json:"source"` // the table
	Consumers        int64     `json:"consumers"`
	CreatedAt        time.Time `json:"created_at"`
}

const topicColumns = `select topic, partitions, events, first_id, last_id, stable_id, coalesce(bytes, 0)::bigint,
	extract(epoch from retention)::float8, max_bytes, format, adopted, source, consumers, created_at from howdah.topics`

// Topics lists the topics by name. It reads no events.
func (db *DB) Topics(ctx context.Context) ([]TopicInfo, error) {
	rows, err := db.pool.Query(ctx, topicColumns+" order by topic")
	if err != nil {
		return nil, wrap(err, "list topics")
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[TopicInfo])
	for i := range all {
		all[i].CreatedAt = all[i].CreatedAt.UTC()
	}
	return all, wrap(err, "list topics")
}

// Info describes the topic; ErrNotFound lists those there are.
func (t *Topic) Info(ctx context.Context) (info TopicInfo, err error) {
	if _, err = t.db.pool.Exec(ctx, "select howdah.describe_topic($1::text)", t.name); err != nil {
		return info, wrap(err, "topic %s", t.name)
	}
	rows, err := t.db.pool.Query(ctx, topicColumns+" where topic = $1", t.name)
	if err != nil {
		return info, wrap(err, "topic %s", t.name)
	}
	info, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[TopicInfo])
	info.CreatedAt = info.CreatedAt.UTC()
	return info, wrap(err, "topic %s", t.name)
}

// ConsumerInfo says how far a consumer is.
type ConsumerInfo struct {
	Consumer     string    `json:"consumer"`
	Topic        string    `json:"topic"`
	Lag          int64     `json:"lag"`         // waiting + in_flight + pending
	LagSeconds   *float64  `json:"lag_seconds"` // age of the oldest unfinished event; null where events have no time
	Waiting      int64     `json:"waiting"`     // not yet handed out; exact up to 1,000
	InFlight     int64     `json:"in_flight"`   // in open claims
	Pending      int64     `json:"pending"`     // to be delivered again
	Dead         int64     `json:"dead"`
	Head         int64     `json:"head"` // the next id to hand out; the lowest of all partitions
	OpenClaims   int64     `json:"open_claims"`
	Ordered      bool      `json:"ordered"`
	Paused       bool      `json:"paused"`
	LeaseSeconds float64   `json:"lease_seconds"`
	MaxAttempts  int       `json:"max_attempts"`
	Start        string    `json:"start"`
	CreatedAt    time.Time `json:"created_at"`
}

const consumerFields = `select consumer, topic, lag, lag_seconds, waiting, in_flight, pending, dead, head, open_claims, ordered, paused,
	extract(epoch from lease)::float8, max_attempts, start, created_at`

const consumerColumns = consumerFields + " from howdah.consumers"

// Consumers lists the consumers by topic and name.
func (db *DB) Consumers(ctx context.Context) ([]ConsumerInfo, error) {
	rows, err := db.pool.Query(ctx, consumerColumns+" order by topic, consumer")
	if err != nil {
		return nil, wrap(err, "list consumers")
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ConsumerInfo])
	for i := range all {
		all[i].CreatedAt = all[i].CreatedAt.UTC()
	}
	return all, wrap(err, "list consumers")
}

// Info says how far the consumer is; ErrNotFound lists those there are.
func (c *Consumer) Info(ctx context.Context) (info ConsumerInfo, err error) {
	if err = c.exec(ctx, "consumer "+c.name, "select howdah.describe_consumer($1::text)"); err != nil {
		return info, err
	}
	rows, err := c.db.pool.Query(ctx, consumerColumns+" where consumer = $1", c.name)
	if err != nil {
		return info, wrap(err, "consumer %s", c.name)
	}
	info, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[ConsumerInfo])
	info.CreatedAt = info.CreatedAt.UTC()
	return info, wrap(err, "consumer %s", c.name)
}

// DeadLetter is an event that a consumer has given up.
type DeadLetter struct {
	Consumer  string    `json:"consumer"`
	Partition int       `json:"partition"`
	ID        int64     `json:"id"`
	Attempts  int       `json:"attempts"`
	Error     string    `json:"error"`
	FailedAt  time.Time `json:"failed_at"`
	Payload   []byte    `json:"-"` // nil where the event is gone
}

// DeadLetters lists at most limit dead letters with an id above after, ascending.
func (c *Consumer) DeadLetters(ctx context.Context, after int64, limit int) ([]DeadLetter, error) {
	return c.deadPage(ctx, &after, limit, false)
}

// LatestDeadLetters lists at most limit dead letters with an id below before (0: from the end), the highest id first.
func (c *Consumer) LatestDeadLetters(ctx context.Context, before int64, limit int) ([]DeadLetter, error) {
	return c.deadPage(ctx, optional(before), limit, true)
}

func (c *Consumer) deadPage(ctx context.Context, beyond *int64, limit int, newest bool) ([]DeadLetter, error) {
	rows, err := c.db.pool.Query(ctx, `select $1::text, coalesce(partition, 0), id, attempts, coalesce(error, ''), failed_at, payload::text
		from howdah.dead_page($1::text, $2::bigint, $3::int, $4::boolean)`, c.name, beyond, limit, newest)
	if err != nil {
		return nil, wrap(err, "dead letters of %s", c.name)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[DeadLetter])
	for i := range all {
		all[i].FailedAt = all[i].FailedAt.UTC()
	}
	return all, wrap(err, "dead letters of %s", c.name)
}

// Read returns at most limit settled events with an id above after, ascending, and belongs to no consumer. It asks for
// the stable id in one statement and reads rows in the next, so an event that it has passed cannot appear later.
func (t *Topic) Read(ctx context.Context, after int64, limit int) ([]Event, error) {
	until, err := t.StableID(ctx)
	if err != nil {
		return nil, err
	}
	if until <= after {
		return nil, nil
	}
	events, err := eventlog.Range(ctx, t.db.pool, t.name, after, until, limit)
	return events, wrap(err, "read %s", t.name)
}

// Tail calls f with the events above after as they settle, in order, until ctx ends or f returns an error. It keeps no
// state in the database. It looks four times a second while nothing comes.
func (t *Topic) Tail(ctx context.Context, after int64, f func([]Event) error) error {
	for pause := 10 * time.Millisecond; ; {
		events, err := t.Read(ctx, after, 500)
		if err != nil {
			return err
		}
		if len(events) > 0 {
			if err := f(events); err != nil {
				return err
			}
			after = events[len(events)-1].ID
			pause = 10 * time.Millisecond
			if len(events) == 500 {
				continue
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, 250*time.Millisecond)
	}
}

// PoolStats are figures of the connection pool.
type PoolStats struct {
	Acquired, Idle, Total, Max int32
	Acquires, EmptyAcquires    int64 // since the start; empty: had to wait for a connection
	AcquireWait                time.Duration
}

// PoolStats reads the pool's figures; it does not ask the database.
func (db *DB) PoolStats() PoolStats {
	s := db.pool.Stat()
	return PoolStats{Acquired: s.AcquiredConns(), Idle: s.IdleConns(), Total: s.TotalConns(), Max: s.MaxConns(),
		Acquires: s.AcquireCount(), EmptyAcquires: s.EmptyAcquireCount(), AcquireWait: s.AcquireDuration()}
}

// Ping asks the database for a sign of life, and for its version.
func (db *DB) Ping(ctx context.Context) (postgres string, err error) {
	err = db.pool.QueryRow(ctx, "select pg_catalog.current_setting('server_version')").Scan(&postgres)
	return postgres, wrap(err, "ping")
}

// Format is the topic's format: json or bytes.
func (t *Topic) Format(ctx context.Context) (format string, err error) {
	err = t.db.pool.QueryRow(ctx, "select format from howdah.describe_topic($1::text)", t.name).Scan(&format)
	return format, wrap(err, "topic %s", t.name)
}

// Topic is the name of the topic that the consumer reads.
func (c *Consumer) Topic(ctx context.Context) (topic string, err error) {
	err = c.db.pool.QueryRow(ctx, "select topic from howdah.describe_consumer($1::text)", c.name).Scan(&topic)
	return topic, wrap(err, "consumer %s", c.name)
}

// From starts where the text says: "earliest", "latest", an id, or a time with its zone.
func From(start string) ConsumerOption { return func(o *consumerOptions) { o.start = start } }
