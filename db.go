package howdah

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/howdah/howdah/internal/eventlog"
	"github.com/howdah/howdah/internal/objects"
	"github.com/howdah/howdah/internal/schema"
)

// Event is one event of a topic. To publish one, set Payload and whatever else is known.
type Event = eventlog.Event

// DB is a PostgreSQL with Howdah in it. It is safe for use by many goroutines.
type DB struct {
	pool   *pgxpool.Pool
	leases *pgxpool.Pool // extends leases, which must not wait for handlers that hold all other connections
	acker  *eventlog.Acker
	log    *slog.Logger
	pooler bool // between us and PostgreSQL
	after  []func()
	local  *local // the private PostgreSQL, or nil

	objects objects.Store

	mu      sync.Mutex
	closed  bool
	waker   *eventlog.Waker
	formats map[string]topicShape
}

type topicShape struct{ bytes, adopted bool }

// An Option changes how Open works.
type Option func(*openOptions)

type openOptions struct {
	log     *slog.Logger
	migrate bool
	conns   int32

	progress func(string)
}

// WithLogger sends the log of background work (retries, lost connections) to log instead of slog.Default.
func WithLogger(log *slog.Logger) Option { return func(o *openOptions) { o.log = log } }

// WithMigrate installs or upgrades Howdah's schema first. It needs CREATE on the database.
func WithMigrate() Option { return func(o *openOptions) { o.migrate = true } }

// WithMaxConns limits the connection pool; the default is 16, or pool_max_conns of the URL. Workers of Run extend their leases
// and are woken on up to 5 more connections.
func WithMaxConns(n int) Option { return func(o *openOptions) { o.conns = int32(n) } }

// Open connects to a PostgreSQL, 14 or later, by a libpq URL or keyword string. Howdah's schema must be there (see
// WithMigrate and `howdah migrate`).
func Open(ctx context.Context, url string, options ...Option) (*DB, error) {
	o := openOptions{log: slog.Default()}
	for _, f := range options {
		f(&o)
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if o.conns > 0 {
		config.MaxConns = o.conns
	} else if plain, err := pgx.ParseConfig(url); err == nil && plain.RuntimeParams["pool_max_conns"] == "" {
		config.MaxConns = 16
	}
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "howdah"
	}
	pooler, err := prepare(ctx, config, o.migrate)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if pooler {
		// Statements that are prepared on one server connection are not there on the next.
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	// The server sends 8 KiB at a time; what has come meanwhile is read at once.
	config.ConnConfig.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		return pgproto3.NewFrontend(bufio.NewReaderSize(r, 64<<10), w)
	}
	config.PingTimeout = 2 * time.Second // of a connection that has been idle: without one Close waits a minute for a silent server
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	few := config.Copy()
	few.MaxConns, few.MinConns, few.MinIdleConns = leaseConns, 0, 0
	leases, err := pgxpool.NewWithConfig(ctx, few)
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("open database: %w", err)
	}
	return &DB{pool: pool, leases: leases, acker: eventlog.NewAcker(pool), log: o.log, pooler: pooler, formats: map[string]topicShape{}}, nil
}

// prepare looks at the database on a connection of its own: is the schema there, is there a pooler in between.
func prepare(ctx context.Context, config *pgxpool.Config, migrate bool) (pooler bool, err error) {
	c := config.ConnConfig.Copy()
	c.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var pid uint32
	if err := conn.QueryRow(ctx, "select pg_catalog.pg_backend_pid()").Scan(&pid); err != nil {
		return false, err
	}
	if migrate {
		if _, err := schema.Migrate(ctx, conn); err != nil {
			return false, err
		}
	}
	version, _, err := schema.Status(ctx, conn)
	switch {
	case err != nil:
		return false, err
	case version == 0:
		return false, fmt.Errorf("database %s has no Howdah in it; run `howdah migrate --db URL`", c.Database)
	case version < schema.Version():
		return false, fmt.Errorf("the schema in database %s is version %d, older than this program's %d; run `howdah migrate --db URL`", c.Database, version, schema.Version())
	}
	return pid != conn.PgConn().PID(), nil
}

// Close ends background work and closes the connections. A private PostgreSQL is stopped when its last user closes it.
func (db *DB) Close() {
	db.mu.Lock()
	db.closed = true
	waker := db.waker
	db.mu.Unlock()
	if waker != nil {
		waker.Close()
	}
	db.leases.Close()
	db.pool.Close()
	for _, f := range db.after {
		f()
	}
}

// Pool is the connection pool, for the application's own queries and transactions.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// Pooler says whether a connection pooler such as PgBouncer was found between this process and PostgreSQL. Then workers
// poll instead of being woken.
func (db *DB) Pooler() bool { return db.pooler }

func (db *DB) wakerOf() *eventlog.Waker {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.waker == nil {
		db.waker = eventlog.NewWaker(db.pool, db.log)
		if db.closed {
			db.waker.Close()
		}
	}
	return db.waker
}

func (db *DB) isClosed() bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.closed
}

// Upkeep extends segments, applies retention, folds finished claims away, removes expired documents and collects what
// is left of deleted objects. `howdah up` does it every few seconds; a program without the server calls it now and then.
func (db *DB) Upkeep(ctx context.Context) error {
	_, err := db.pool.Exec(ctx, "select howdah.upkeep()")
	return wrap(err, "upkeep")
}

// A Problem is a broken invariant that Check found.
type Problem struct {
	Topic    string `json:"topic,omitempty"`
	Consumer string `json:"consumer,omitempty"`
	Problem  string `json:"problem"`
}

// Check proves that every id of every consumer is in exactly one place: done, open, pending, dead, or not yet handed
// out, and that of every object all bytes are there; CheckObjects compares the bytes themselves. No problems: all is well.
func (db *DB) Check(ctx context.Context) ([]Problem, error) {
	rows, err := db.pool.Query(ctx, "select coalesce(topic, ''), coalesce(consumer, ''), problem from howdah.check()")
	if err != nil {
		return nil, wrap(err, "check")
	}
	problems, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Problem])
	return problems, wrap(err, "check")
}
