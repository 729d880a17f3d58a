package lab

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/lab/sim"
)

//go:embed schema.sql
var schema string

// The topics that the lab itself writes. That of clean facts is named after their stream.
const (
	topicClock       = "clock"
	topicFeatures    = "features"
	topicPredictions = "predictions"
	topicAlerts      = "alerts"
	topicModels      = "models"
)

// Lab plays one scenario in one database. Several processes may open it; one should run it. One that has answered
// predictions wants to be closed, before its database is.
type Lab struct {
	db       *howdah.DB
	scenario Scenario
	shape    Shape
	info     sim.Info
	log      *slog.Logger
	code     string
	batch    int
	lease    time.Duration

	mu   sync.Mutex // guards the feed
	feed *sim.Feed

	scorers   scorers
	serving   serving
	arrivedMS atomic.Int64 // a scenario time that has arrived, as somebody saw it; 0: nobody looked
}

// Config of a Lab.
type Config struct {
	DB       *howdah.DB
	Scenario Scenario
	Log      *slog.Logger  // default: none
	Code     string        // the version of the program, for the lineage of models
	Batch    int           // events a pipeline takes at a time; default 5,000
	Settings string        // the scenario file, kept with the database
	Lease    time.Duration // after which a killed process's work is taken over; default 10 s
}

// ErrOtherScenario means that the database plays something else.
var ErrOtherScenario = errors.New("the database plays another scenario")

// Open makes what the lab needs where it is missing: tables, topics, consumers, collections, buckets.
func Open(ctx context.Context, c Config) (*Lab, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Lease <= 0 {
		c.Lease = 10 * time.Second
	}
	if c.Batch <= 0 {
		c.Batch = 5000
	}
	l := &Lab{db: c.DB, scenario: c.Scenario, shape: c.Scenario.Shape(), info: c.Scenario.World().Info(), log: c.Log, code: c.Code, batch: c.Batch, lease: c.Lease}
	l.scorers.lab = l
	if err := l.setUp(ctx, c.Settings); err != nil {
		return nil, fmt.Errorf("open the lab: %w", err)
	}
	return l, nil
}

// setupLock keeps two processes from setting up at a time.
const setupLock = 0x6c6162

func (l *Lab) setUp(ctx context.Context, config string) error {
	err := pgx.BeginFunc(ctx, l.db.Pool(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock($1)", setupLock); err != nil {
			return err
		}
		if err := installSchema(ctx, tx); err != nil {
			return err
		}
		clock, err := sim.NewClock(time.Now(), l.info.Epoch, sim.MaxSpeed)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `insert into lab.settings (scenario, version, seed, config, clock, arrived_until)
			values ($1, $2, $3, $4, $5, $6) on conflict do nothing`,
			l.info.Scenario, l.info.Version, strconv.FormatUint(l.info.Seed, 10), config, clock, l.info.Epoch)
		if err != nil {
			return err
		}
		var scenario, seed, stored string
		var version int
		if err := tx.QueryRow(ctx, "select scenario, version, seed, config from lab.settings").Scan(&scenario, &version, &seed, &stored); err != nil {
			return err
		}
		if scenario != l.info.Scenario || version != l.info.Version || seed != strconv.FormatUint(l.info.Seed, 10) || stored != config {
			return fmt.Errorf("%w: it has %s, version %d, seed %s; asked for is %s, version %d, seed %d; run `howdah lab reset` or use another database",
				ErrOtherScenario, scenario, version, seed, l.info.Scenario, l.info.Version, l.info.Seed)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range l.info.Streams {
		var options []howdah.TopicOption
		if s.Dirty {
			options = append(options, howdah.Bytes())
		}
		if _, err := l.db.CreateTopic(ctx, s.Name, options...); err != nil {
			return err
		}
	}
	for _, name := range []string{topicClock, l.cleanTopic(), topicFeatures, topicPredictions, topicAlerts, topicModels} {
		if _, err := l.db.CreateTopic(ctx, name); err != nil {
			return err
		}
	}
	for _, p := range l.pipelines() {
		// Strictly one batch after another: what a pipeline has passed is then one number.
		if _, err := l.db.CreateConsumer(ctx, p.consumer(), p.topic, howdah.Ordered(), howdah.MaxAttempts(1000), howdah.Lease(l.lease)); err != nil {
			return err
		}
	}
	return l.setUpStores(ctx)
}

// installSchema makes the tables, unless the same has been done before: it locks them, and whoever only looks at a lab
// should not wait for its pipelines. The schema's comment says which file was run last.
func installSchema(ctx context.Context, tx pgx.Tx) error {
	sum := sha256.Sum256([]byte(schema))
	want := "tables of the lab, " + hex.EncodeToString(sum[:8])
	var have string
	if err := tx.QueryRow(ctx, "select coalesce(obj_description(to_regnamespace('lab'), 'pg_namespace'), '')").Scan(&have); err != nil || have == want {
		return err
	}
	_, err := tx.Exec(ctx, schema+"comment on schema lab is '"+want+"';")
	return err
}

func (l *Lab) cleanTopic() string { return l.shape.Facts + "_clean" }

// DB is the database that the lab plays in.
func (l *Lab) DB() *howdah.DB { return l.db }

// Scenario is what the lab plays.
func (l *Lab) Scenario() Scenario { return l.scenario }

// Info describes the world.
func (l *Lab) Info() sim.Info { return l.info }

// Settings are what a database plays.
type Settings struct {
	Scenario string
	Seed     uint64
	Config   string
}

// Stored reads what a database plays; ErrNotFound: no lab has been opened in it.
func Stored(ctx context.Context, db *howdah.DB) (s Settings, err error) {
	var there bool
	if err := db.Pool().QueryRow(ctx, "select to_regclass('lab.settings') is not null").Scan(&there); err != nil {
		return s, fmt.Errorf("look for a lab: %w", err)
	}
	if !there {
		return s, fmt.Errorf("there is no lab in this database: %w; start one with `howdah demo` or `howdah lab run`", howdah.ErrNotFound)
	}
	var seed string
	err = db.Pool().QueryRow(ctx, "select scenario, seed, config from lab.settings").Scan(&s.Scenario, &seed, &s.Config)
	if errors.Is(err, pgx.ErrNoRows) {
		return s, fmt.Errorf("there is no lab in this database: %w; start one with `howdah demo` or `howdah lab run`", howdah.ErrNotFound)
	}
	if err == nil {
		s.Seed, err = strconv.ParseUint(seed, 10, 64)
	}
	return s, err
}

// headers are what the lab's events carry beside the payload.
type headers struct {
	EventID string    `json:"event_id"`
	Type    string    `json:"type"`
	Version int       `json:"schema_version"`
	KnownAt time.Time `json:"known_at"` // scenario time of the arrival
}

// readHeaders reads an event's headers. One that somebody else published has none: it is known from the scenario time at
// which it was received, under an id made of its place.
func (l *Lab) readHeaders(topic string, e *howdah.Event, clock sim.Clock) headers {
	var h headers
	if len(e.Headers) > 0 {
		_ = json.Unmarshal(e.Headers, &h) // what does not fit counts as missing
	}
	if h.KnownAt.IsZero() {
		h.KnownAt = clock.Now(e.ReceivedAt).UTC().Truncate(time.Millisecond)
	}
	if !isUUID(h.EventID) {
		h.EventID = placeID(topic, e.ID)
	}
	return h
}
