package eventlog

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A Reader reads the rows of reservations of one consumer.
type Reader struct {
	Topic     int    // the topic's number
	Ordered   bool   // the consumer is
	all, some string // queries without and with bits
	ofLane    bool
	plans     plans
}

// NewReader asks the database how the consumer's events are read.
func NewReader(ctx context.Context, q Querier, consumer string) (*Reader, error) {
	r := &Reader{}
	err := q.QueryRow(ctx, `select t.number, x.ordered, x.ordered and t.partitions > 1,
			howdah.read_query(x.topic, x.ordered and t.partitions > 1, false), howdah.read_query(x.topic, x.ordered and t.partitions > 1, true),
			case when (select y.relkind from pg_catalog.pg_class y where y.oid = t.source::regclass) = 'p' then $2 else $3 end
		from howdah.describe_consumer($1) x, lateral howdah.describe_topic(x.topic) t`, consumer, planEach, planOnce).
		Scan(&r.Topic, &r.Ordered, &r.ofLane, &r.all, &r.some, &r.plans)
	return r, err
}

// Read returns the events of a reservation, ascending by id.
func (r *Reader) Read(ctx context.Context, pool *pgxpool.Pool, v Reservation) ([]Event, error) {
	sql, args := r.all, []any{v.FirstID, v.LastID}
	if v.Bits != nil {
		sql, args = r.some, append(args, *v.Bits)
	}
	if r.ofLane {
		args = append(args, v.Lane)
	}
	events, err := readEvents(ctx, pool, r.plans, v.Events, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read claim %d: %w", v.ClaimID, err)
	}
	for i := range events {
		events[i].Attempt = v.Attempt
	}
	return events, nil
}

// Range reads at most limit events with after < id <= until, ascending, under the caller's own rights. until must come
// from an earlier statement that asked for the stable id: in one statement the snapshot would be older than the answer.
func Range(ctx context.Context, pool *pgxpool.Pool, topic string, after, until int64, limit int) ([]Event, error) {
	var query string
	if err := pool.QueryRow(ctx, "select howdah.read_query($1, false, false)", topic).Scan(&query); err != nil {
		return nil, err
	}
	events, err := readEvents(ctx, pool, planEach, 0, "select * from ("+query+") e order by id limit $3", after+1, until, limit)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return events, nil
}

// ByID reads the events of those ids that are there, in the order of ids, under the caller's own rights.
func ByID(ctx context.Context, pool *pgxpool.Pool, topic string, ids []int64) ([]Event, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var query string
	if err := pool.QueryRow(ctx, "select howdah.read_query($1, false, false)", topic).Scan(&query); err != nil {
		return nil, err
	}
	// One look-up of the primary key for each id: a range would read what lies between them.
	events, err := readEvents(ctx, pool, planEach, len(ids), "select e.* from pg_catalog.unnest($1::bigint[]) with ordinality w (id, nr) cross join lateral ("+
		bounds.Replace(query)+" limit 1) e order by w.nr", ids)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return events, nil
}

// bounds makes the parameters of howdah.read_query columns of a list of ids.
var bounds = strings.NewReplacer("$1", "w.id", "$2", "w.id")

// plans says how a query is planned: a value of plan_cache_mode.
type plans string

const (
	// planOnce saves a sixth of the time of batches of 100: by itself PostgreSQL plans a range of ids anew each time,
	// because it takes a range that it does not know for a long one.
	planOnce plans = "force_generic_plan"
	// planEach is for topics in segments, all of which a plan for any range would lock, and for what is asked once.
	planEach plans = "auto"
)

// readEvents runs a query of howdah.read_query, with room for as many events as are expected. A plan that was made when
// the table was small must not become a scan later, so only index scans are on while the query is planned and run; both
// statements travel together and make one transaction.
//
// The driver's Scan takes a third of a consumer's time for small events, so what arrives in PostgreSQL's binary format is
// decoded here; behind a pooler everything arrives as text and goes through Scan.
func readEvents(ctx context.Context, pool *pgxpool.Pool, p plans, expected int, sql string, args ...any) ([]Event, error) {
	b := &pgx.Batch{}
	b.Queue(`select pg_catalog.set_config('enable_seqscan', 'off', true), pg_catalog.set_config('enable_bitmapscan', 'off', true),
		pg_catalog.set_config('plan_cache_mode', $1, true)`, p)
	b.Queue(sql, args...)
	res := pool.SendBatch(ctx, b)
	defer func() { _ = res.Close() }()
	if _, err := res.Exec(); err != nil {
		return nil, err
	}
	rows, err := res.Query()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	events := make([]Event, 0, expected)
	var bytes slab
	decodable := false
	for rows.Next() {
		if len(events) == 0 {
			decodable = isBinary(rows.FieldDescriptions())
		}
		events = append(events, Event{})
		e := &events[len(events)-1]
		if decodable {
			err = e.decode(rows.RawValues(), &bytes)
		} else {
			err = e.scan(rows)
		}
		if err != nil {
			return nil, err
		}
	}
	return events, rows.Err()
}

// The columns of howdah.read_query.
const (
	colID = iota
	colKey
	colPayload
	colHeaders
	colEventTime
	colReceivedAt
	colPartition
	columns
)

// isBinary says whether decode can read such rows: numbers and times in binary; text and JSON are the same in both.
func isBinary(fields []pgconn.FieldDescription) bool {
	for _, f := range fields {
		switch f.DataTypeOID {
		case pgtype.Int8OID, pgtype.Int4OID, pgtype.TimestamptzOID, pgtype.ByteaOID:
			if f.Format != pgx.BinaryFormatCode {
				return false
			}
		case pgtype.JSONBOID:
			if f.Format != pgx.TextFormatCode {
				return false
			}
		}
	}
	return len(fields) == columns
}

var errRow = errors.New("a row of another shape than howdah.read_query promises")

// decode fills an event from a row in binary format; what it keeps of the row's bytes it copies to s.
func (e *Event) decode(v [][]byte, s *slab) (err error) {
	if len(v) != columns || len(v[colID]) != 8 || len(v[colPartition]) != 4 {
		return errRow
	}
	e.ID = int64(binary.BigEndian.Uint64(v[colID]))
	e.Partition = int(int32(binary.BigEndian.Uint32(v[colPartition])))
	e.Key = string(v[colKey])
	e.Payload = s.keep(v[colPayload])
	e.Headers = json.RawMessage(s.keep(v[colHeaders]))
	if e.EventTime, err = decodeTime(v[colEventTime]); err != nil {
		return err
	}
	e.ReceivedAt, err = decodeTime(v[colReceivedAt])
	return err
}

// decodeTime reads a timestamptz: microseconds since the year 2000. Null and the infinities, which are no instants, are
// the zero time.
func decodeTime(v []byte) (time.Time, error) {
	if v == nil {
		return time.Time{}, nil
	}
	if len(v) != 8 {
		return time.Time{}, errRow
	}
	us := int64(binary.BigEndian.Uint64(v))
	if us == math.MaxInt64 || us == math.MinInt64 {
		return time.Time{}, nil
	}
	const epoch = 946_684_800 // 2000-01-01, in seconds since 1970
	return time.Unix(epoch+us/1e6, us%1e6*1e3).UTC(), nil
}

// scan fills an event from a row in any format.
func (e *Event) scan(rows pgx.Rows) error {
	var key, headers *string
	var eventTime, receivedAt pgtype.Timestamptz
	err := rows.Scan(&e.ID, &key, &e.Payload, &headers, &eventTime, &receivedAt, &e.Partition)
	if key != nil {
		e.Key = *key
	}
	if headers != nil {
		e.Headers = json.RawMessage(*headers)
	}
	if eventTime.InfinityModifier == pgtype.Finite && eventTime.Valid {
		e.EventTime = eventTime.Time.UTC()
	}
	if receivedAt.InfinityModifier == pgtype.Finite && receivedAt.Valid {
		e.ReceivedAt = receivedAt.Time.UTC()
	}
	return err
}

// A slab keeps many short byte strings in few allocations. Whoever holds one of them holds at most slabSize more.
type slab []byte

const slabSize = 16 << 10

func (s *slab) keep(v []byte) []byte {
	if v == nil {
		return nil
	}
	if len(v) > slabSize/4 {
		return append([]byte(nil), v...)
	}
	if cap(*s)-len(*s) < len(v) {
		*s = make([]byte, 0, slabSize)
	}
	from := len(*s)
	*s = append(*s, v...)
	return (*s)[from:len(*s):len(*s)]
}
