package howdah

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah/internal/eventlog"
)

// A Search looks for events of a topic. Without Key and Contains it takes all.
type Search struct {
	From, Until int64           // ids, both included; 0: no bound
	Since       time.Time       // received at this time or later, about: found by bisection over the ids
	Before      time.Time       // received before this time, about
	Key         string          // exactly this key
	Contains    json.RawMessage // the payload contains this JSON, as PostgreSQL's @> says: {"amount_cents": 500}
	OldestFirst bool
	Limit       int // events at most; 0: 50
	Look        int // rows at most that a search by key or content reads; 0: 20,000, by key alone 100,000
}

// Found is a page of events, and how far the search came.
type Found struct {
	Events []Event
	Looked int64 // rows that were read
	Next   int64 // the id to go on from (Until, or From where the oldest come first); 0: there is nothing further
}

// Find returns a page of events, the newest first unless told otherwise. A search by key or content reads a bounded number
// of rows and says where to go on; with an index on (key, id) a key is found at any distance.
func (t *Topic) Find(ctx context.Context, s Search) (f Found, err error) {
	if s.Limit == 0 {
		s.Limit = 50
	}
	if s.Look == 0 {
		s.Look = 20_000
		if s.Contains == nil {
			s.Look = 100_000
		}
	}
	if len(s.Contains) > 0 && !json.Valid(s.Contains) {
		return f, fmt.Errorf("find in %s: the content %q is not JSON: %w: write it like {\"status\": \"new\"}", t.name, s.Contains, ErrInvalid)
	}
	from, until := optional(s.From), optional(s.Until)
	if !s.Since.IsZero() {
		id, err := t.IDAt(ctx, s.Since)
		if err != nil {
			return f, err
		}
		if from == nil || *from < id {
			from = &id
		}
	}
	if !s.Before.IsZero() {
		id, err := t.IDAt(ctx, s.Before)
		if err != nil {
			return f, err
		}
		if id--; until == nil || *until > id {
			until = &id
		}
	}
	var key, contains *string
	if s.Key != "" {
		key = &s.Key
	}
	if len(s.Contains) > 0 {
		text := string(s.Contains)
		contains = &text
	}
	var ids []int64
	var next *int64
	err = t.db.pool.QueryRow(ctx, "select ids, next_id, looked from howdah.find_ids($1::text, $2::bigint, $3::bigint, $4::boolean, $5::text, $6::jsonb, $7::int, $8::bigint)",
		t.name, from, until, !s.OldestFirst, key, contains, s.Limit, s.Look).Scan(&ids, &next, &f.Looked)
	if err != nil {
		return f, wrap(err, "find in %s", t.name)
	}
	if next != nil {
		f.Next = *next
	}
	f.Events, err = eventlog.ByID(ctx, t.db.pool, t.name, ids)
	return f, wrap(err, "find in %s", t.name)
}

func optional(id int64) *int64 {
	if id == 0 {
		return nil
	}
	return &id
}

// IDAt is the id from which on events were received at a time or later, about: transactions in parallel may lie on either
// side. It is for looking around, not for reading on.
func (t *Topic) IDAt(ctx context.Context, at time.Time) (id int64, err error) {
	err = t.db.pool.QueryRow(ctx, "select howdah.id_at($1::text, $2::timestamptz)", t.name, at).Scan(&id)
	return id, wrap(err, "find in %s", t.name)
}

// Event reads one event; ErrNotFound where there is none of that id.
func (t *Topic) Event(ctx context.Context, id int64) (Event, error) {
	events, err := eventlog.ByID(ctx, t.db.pool, t.name, []int64{id})
	if err == nil && len(events) == 0 {
		return Event{}, fmt.Errorf("topic %s has no event %d: %w: it was never stored, or retention has dropped it", t.name, id, ErrNotFound)
	}
	if err != nil {
		return Event{}, wrap(err, "event of %s", t.name)
	}
	return events[0], nil
}

// EventState is where an event is in one consumer.
type EventState struct {
	Consumer    string     `json:"consumer"`
	State       string     `json:"state"`        // waiting, open, pending, dead, skipped, lost or processed
	ProcessedAt *time.Time `json:"processed_at"` // null: not processed
	Attempts    int        `json:"attempts"`
	Error       string     `json:"error,omitempty"`           // the last one
	ClaimID     *int64     `json:"claim_id,omitempty,string"` // open: who holds it, since when and until when
	Owner       string     `json:"owner,omitempty"`           //
	ClaimedAt   *time.Time `json:"claimed_at,omitempty"`      //
	LeaseUntil  *time.Time `json:"lease_until,omitempty"`     //
	DueAt       *time.Time `json:"due_at,omitempty"`          // pending: when it is delivered again
	FailedAt    *time.Time `json:"failed_at,omitempty"`       // dead: since when
}

// States follows an event through every consumer of the topic.
func (t *Topic) States(ctx context.Context, id int64) ([]EventState, error) {
	rows, err := t.db.pool.Query(ctx, `select consumer, state, processed_time, attempts, coalesce(error, ''), claim_id, coalesce(owner, ''), claimed_at, lease_until,
		due, failed_at from howdah.event_states($1::text, $2::bigint)`, t.name, id)
	if err != nil {
		return nil, wrap(err, "event of %s", t.name)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[EventState])
	for i := range all {
		utc(all[i].ProcessedAt, all[i].ClaimedAt, all[i].LeaseUntil, all[i].DueAt, all[i].FailedAt)
	}
	return all, wrap(err, "event of %s", t.name)
}

func utc(times ...*time.Time) {
	for _, t := range times {
		if t != nil {
			*t = t.UTC()
		}
	}
}

// OpenClaim is a batch that a worker holds.
type OpenClaim struct {
	Consumer   string    `json:"consumer"`
	ClaimID    int64     `json:"claim_id,string"`
	Lane       int       `json:"lane"` // the partition of an ordered consumer
	FirstID    int64     `json:"first_id"`
	LastID     int64     `json:"last_id"`
	Events     int64     `json:"events"`
	Attempt    int       `json:"attempt"`
	Owner      string    `json:"owner"`
	ClaimedAt  time.Time `json:"claimed_at"`
	LeaseUntil time.Time `json:"lease_until"`
}

// OpenClaims lists at most limit claims that workers hold, the oldest first.
func (c *Consumer) OpenClaims(ctx context.Context, limit int) ([]OpenClaim, error) {
	if err := c.exec(ctx, "open claims", "select howdah.describe_consumer($1::text)"); err != nil {
		return nil, err
	}
	rows, err := c.db.pool.Query(ctx, `select consumer, claim_id, lane, first_id, last_id, events, attempt, coalesce(owner, ''), claimed_at, lease_until
		from howdah.open_claims where consumer = $1 order by claimed_at limit $2`, c.name, limit)
	if err != nil {
		return nil, wrap(err, "open claims of %s", c.name)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[OpenClaim])
	for i := range all {
		utc(&all[i].ClaimedAt, &all[i].LeaseUntil)
	}
	return all, wrap(err, "open claims of %s", c.name)
}

// PendingRange is a range of events that is delivered again when it is due.
type PendingRange struct {
	Lane     int       `json:"lane"`
	FirstID  int64     `json:"first_id"`
	LastID   int64     `json:"last_id"`
	Events   int64     `json:"events"`
	Attempts int       `json:"attempts"` // failed ones
	DueAt    time.Time `json:"due_at"`
	Error    string    `json:"error,omitempty"` // of the last attempt
}

// PendingRanges lists the first limit ranges of each lane that wait to be delivered again.
func (c *Consumer) PendingRanges(ctx context.Context, limit int) ([]PendingRange, error) {
	rows, err := c.db.pool.Query(ctx, `select lane, first_id, last_id, events, attempts, due, coalesce(error, '')
		from howdah.pending_page($1::text, $2::int)`, c.name, limit)
	if err != nil {
		return nil, wrap(err, "pending ranges of %s", c.name)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[PendingRange])
	for i := range all {
		utc(&all[i].DueAt)
	}
	return all, wrap(err, "pending ranges of %s", c.name)
}

// SeekPreview is what Seek would do now.
type SeekPreview struct {
	Goal       int64 `json:"goal"`        // the next id to hand out
	Head       int64 `json:"head"`        // what it is now
	Again      int64 `json:"again"`       // ids that would be delivered again
	Skipped    int64 `json:"skipped"`     // ids that would be passed over
	OpenClaims int64 `json:"open_claims"` // which would end: their acks would be refused
	InFlight   int64 `json:"in_flight"`
	Pending    int64 `json:"pending"` // retries that would be dropped
	Dead       int64 `json:"dead"`    // dead letters that would be dropped, counted up to 10,000
	About      bool  `json:"about"`   // Goal was found by time, about
}

// PreviewSeek says what Seek would do now, and changes nothing.
func (c *Consumer) PreviewSeek(ctx context.Context, target string) (p SeekPreview, err error) {
	rows, err := c.db.pool.Query(ctx, `select goal, head, again, skipped, open_claims, in_flight, pending, dead, about
		from howdah.seek_preview($1::text, $2::text)`, c.name, target)
	if err != nil {
		return p, wrap(err, "seek")
	}
	p, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[SeekPreview])
	return p, wrap(err, "seek")
}

// Figures are what one look at all topics and consumers saw.
type Figures struct {
	At        time.Time      // by the database's clock
	Topics    []TopicInfo    // by name
	Consumers []ConsumerInfo // by topic and name; Pending and Dead count 10,000 ranges and dead letters at most
	Took      time.Duration  // what the look cost
}

// FiguresLimit is up to how many dead letters of a consumer Figures counts.
const FiguresLimit = 10_000

// Figures looks at all topics and consumers, at a price that neither the log nor the number of dead letters changes.
func (db *DB) Figures(ctx context.Context) (f Figures, err error) {
	began := time.Now()
	b := &pgx.Batch{}
	b.Queue("select pg_catalog.clock_timestamp()").QueryRow(func(row pgx.Row) error { return row.Scan(&f.At) })
	b.Queue(topicColumns + " order by topic").Query(func(rows pgx.Rows) (err error) {
		f.Topics, err = pgx.CollectRows(rows, pgx.RowToStructByPos[TopicInfo])
		return err
	})
	b.Queue(consumerFields+" from howdah.consumer_figures($1)", FiguresLimit).Query(func(rows pgx.Rows) (err error) {
		f.Consumers, err = pgx.CollectRows(rows, pgx.RowToStructByPos[ConsumerInfo])
		return err
	})
	err = db.pool.SendBatch(ctx, b).Close()
	f.At, f.Took = f.At.UTC(), time.Since(began)
	return f, wrap(err, "figures")
}

// A Finding is something that is wrong now, and what to do.
type Finding struct {
	Kind    string `json:"kind"`  // producers, dead letters, consumers, leases, …
	Level   string `json:"level"` // warning or error
	Name    string `json:"name"`  // of the topic, the consumer, the session
	Problem string `json:"problem"`
	Advice  string `json:"advice"`
}

// Problems looks for what is wrong now, at a price that the log does not change. Check proves more.
func (db *DB) Problems(ctx context.Context) ([]Finding, error) {
	rows, err := db.pool.Query(ctx, "select kind, level, name, problem, advice from howdah.problems()")
	if err != nil {
		return nil, wrap(err, "problems")
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Finding])
	return all, wrap(err, "problems")
}
