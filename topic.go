package howdah

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/howdah/howdah/internal/eventlog"
)

// Topic is a log of events: table events.<name>.
type Topic struct {
	db   *DB
	name string
}

// Topic gives a handle; it does not look whether the topic exists.
func (db *DB) Topic(name string) *Topic { return &Topic{db: db, name: name} }

// Name is the topic's name.
func (t *Topic) Name() string { return t.name }

// A TopicOption changes what CreateTopic makes.
type TopicOption func(*topicOptions)

type topicOptions struct {
	partitions int
	retention  any
	format     string
}

// Partitions splits a topic by key for ordered consumers: events of one key stay in order while partitions are worked on
// in parallel. The default is 1.
func Partitions(n int) TopicOption { return func(o *topicOptions) { o.partitions = n } }

// Retention lets events go when they are older than d and no consumer needs them; the default is to keep them for ever.
func Retention(d time.Duration) TopicOption {
	return func(o *topicOptions) { o.retention = eventlog.Interval(d) }
}

// Bytes makes a topic whose payloads are any bytes instead of JSON.
func Bytes() TopicOption { return func(o *topicOptions) { o.format = "bytes" } }

// CreateTopic makes a topic. The same again is no error; another shape under the name is ErrExists.
func (db *DB) CreateTopic(ctx context.Context, name string, options ...TopicOption) (*Topic, error) {
	o := topicOptions{partitions: 1, format: "json"}
	for _, f := range options {
		f(&o)
	}
	_, err := db.pool.Exec(ctx, "select howdah.create_topic($1::text, $2::int, $3::interval, $4::text)", name, o.partitions, o.retention, o.format)
	return db.Topic(name), wrap(err, "create topic")
}

// AdoptTopic makes an existing append-only table a topic in place and returns, in words, what was found and decided.
// eventTime may be empty.
func (db *DB) AdoptTopic(ctx context.Context, name, table, id, payload, eventTime string) (report string, err error) {
	var column any
	if eventTime != "" {
		column = eventTime
	}
	err = db.pool.QueryRow(ctx, "select howdah.adopt_topic($1::text, $2::text::regclass, $3::text, $4::text, $5::text)",
		name, table, id, payload, column).Scan(&report)
	return report, wrap(err, "adopt topic")
}

// DropTopic drops a topic and its events; an adopted table stays. Consumers have to be dropped first.
func (db *DB) DropTopic(ctx context.Context, name string) error {
	_, err := db.pool.Exec(ctx, "select howdah.drop_topic($1::text)", name)
	return wrap(err, "drop topic")
}

// Publish appends events and returns the id of the last one. When it returns they are durable; either all or none are
// appended. Many events in one call are one COPY and much faster than many calls.
func (t *Topic) Publish(ctx context.Context, events ...Event) (int64, error) {
	shape, err := t.shape(ctx)
	if err != nil {
		return 0, err
	}
	var id int64
	err = t.db.pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		if t.db.pooler && len(events) > 1 {
			// The COPY and the question for its last id must meet the same server connection.
			return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
				id, err = eventlog.Publish(ctx, tx.Conn(), t.name, shape.bytes, events)
				return err
			})
		}
		id, err = eventlog.Publish(ctx, c.Conn(), t.name, shape.bytes, events)
		return err
	})
	return id, wrap(err, "publish to %s", t.name)
}

// PublishTx appends events in the caller's transaction: they appear when it commits, together with its other writes.
func (t *Topic) PublishTx(ctx context.Context, tx pgx.Tx, events ...Event) (int64, error) {
	shape, err := t.shape(ctx)
	if err != nil {
		return 0, err
	}
	id, err := eventlog.Publish(ctx, tx.Conn(), t.name, shape.bytes, events)
	return id, wrap(err, "publish to %s", t.name)
}

// StableID is the highest id below which nothing can appear any more. Read rows up to it in a later statement.
func (t *Topic) StableID(ctx context.Context) (id int64, err error) {
	err = t.db.pool.QueryRow(ctx, "select howdah.stable_id($1::text)", t.name).Scan(&id)
	return id, wrap(err, "stable id of %s", t.name)
}

// shape asks once for the topic's format.
func (t *Topic) shape(ctx context.Context) (topicShape, error) {
	t.db.mu.Lock()
	s, ok := t.db.formats[t.name]
	t.db.mu.Unlock()
	if ok {
		return s, nil
	}
	err := t.db.pool.QueryRow(ctx, "select format = 'bytes', adopted from howdah.describe_topic($1::text)", t.name).Scan(&s.bytes, &s.adopted)
	if err != nil {
		return s, wrap(err, "topic %s", t.name)
	}
	if s.adopted {
		return s, fmt.Errorf("topic %s is an adopted table: %w: insert into the table itself", t.name, ErrInvalid)
	}
	t.db.mu.Lock()
	t.db.formats[t.name] = s
	t.db.mu.Unlock()
	return s, nil
}
