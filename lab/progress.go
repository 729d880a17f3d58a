package lab

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/howdah/howdah"
)

// pipeline is one of the lab's durable consumers.
type pipeline struct {
	name  string
	topic string
	after string // the pipeline that writes the topic; empty: the producer does
	// handle works on a batch in the transaction that acks it, and returns the last id it published.
	handle func(ctx context.Context, tx pgx.Tx, batch []howdah.Event) (out int64, known time.Time, err error)
}

func (p *pipeline) consumer() string { return "lab_" + p.name }

// The pipelines that others wait for by name.
const (
	pipeClean    = "clean"
	pipeLabels   = "labels"
	pipeFeatures = "features"
	pipeScore    = "score"
	pipeMonitor  = "monitor"
	pipeEvaluate = "evaluate"
	pipeTrain    = "train"
)

func (l *Lab) pipelines() []*pipeline {
	all := []*pipeline{
		{name: pipeClean, topic: l.shape.Facts, handle: l.clean},
		{name: pipeFeatures, topic: l.cleanTopic(), after: pipeClean, handle: l.newFeatures().handle},
		{name: pipeScore, topic: topicFeatures, after: pipeFeatures, handle: l.score},
		{name: pipeMonitor, topic: topicClock, handle: l.monitor},
		{name: pipeEvaluate, topic: topicClock, handle: l.evaluate},
		{name: pipeTrain, topic: topicClock, handle: l.train},
	}
	if l.shape.Labels != "" {
		all = append(all, &pipeline{name: pipeLabels, topic: l.shape.Labels, handle: l.labels})
	}
	for _, stream := range l.shape.References {
		all = append(all, &pipeline{name: dimsOf(stream), topic: stream,
			handle: func(ctx context.Context, tx pgx.Tx, batch []howdah.Event) (int64, time.Time, error) {
				return l.dims(ctx, tx, stream, batch)
			}})
	}
	return all
}

func dimsOf(stream string) string { return "dims_" + stream }

// run runs a pipeline until ctx ends.
func (l *Lab) run(ctx context.Context, p *pipeline) error {
	err := l.db.Consumer(p.consumer()).RunTx(ctx, func(ctx context.Context, tx pgx.Tx, batch []howdah.Event) error {
		out, known, err := p.handle(ctx, tx, batch)
		if err != nil {
			if ctx.Err() == nil && !howdah.IsTemporary(err) {
				l.log.Warn("a pipeline failed and tries again", "pipeline", p.name, "error", err)
			}
			return err
		}
		// A back-fill goes over the same events again; progress never goes back. The commit need not wait for the disk:
		// what a crash of PostgreSQL takes, it takes together with its ack, and the batch comes again.
		_, err = tx.Exec(ctx, `insert into lab.progress as p (pipeline, through_id, out_id, known_at, events)
			select $1, $2, $3, $4, $5 from (select set_config('synchronous_commit', 'off', true) offset 0) s
			on conflict (pipeline) do update set through_id = greatest(p.through_id, excluded.through_id),
			out_id = greatest(p.out_id, excluded.out_id), known_at = greatest(p.known_at, excluded.known_at),
			events = p.events + excluded.events, system_at = now()`,
			p.name, batch[len(batch)-1].ID, out, known, len(batch))
		return err
	}, howdah.Batch(l.batch))
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("pipeline %s: %w", p.name, err)
	}
	return nil
}

// querier is what a pool and a transaction have in common.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

var _ querier = (*pgxpool.Pool)(nil)

// sender is what a pool and a transaction have in common to send several statements at once.
type sender interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// await waits until pipelines have everything that arrives before an instant. What the producer has not published cannot
// be waited for: then there is nothing before the instant that others have and this one lacks.
func (l *Lab) await(ctx context.Context, q querier, at time.Time, names ...string) error {
	var ids map[string]int64
	err := q.QueryRow(ctx, "select ids from lab.batches where arrived_until >= $1 order by arrived_until limit 1", at).Scan(&ids)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("wait for pipelines: %w", err)
	}
	return l.awaitIDs(ctx, q, ids, names...)
}

func (l *Lab) awaitIDs(ctx context.Context, q querier, ids map[string]int64, names ...string) error {
	byName := map[string]*pipeline{}
	for _, p := range l.pipelines() {
		byName[p.name] = p
	}
	for _, name := range names {
		if err := l.awaitPipeline(ctx, q, ids, byName, byName[name]); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lab) awaitPipeline(ctx context.Context, q querier, ids map[string]int64, byName map[string]*pipeline, p *pipeline) error {
	need := ids[p.topic]
	if p.after != "" {
		if err := l.awaitPipeline(ctx, q, ids, byName, byName[p.after]); err != nil {
			return err
		}
		if err := q.QueryRow(ctx, "select coalesce(max(out_id), 0) from lab.progress where pipeline = $1", p.after).Scan(&need); err != nil {
			return fmt.Errorf("wait for pipeline %s: %w", p.name, err)
		}
	}
	for pause := time.Millisecond; need > 0; pause = min(pause*3/2, 50*time.Millisecond) {
		var through int64
		if err := q.QueryRow(ctx, "select coalesce(max(through_id), 0) from lab.progress where pipeline = $1", p.name).Scan(&through); err != nil {
			return fmt.Errorf("wait for pipeline %s: %w", p.name, err)
		}
		if through >= need {
			return nil
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
	return nil
}

// references are the pipelines that everything about features waits for.
func (l *Lab) references() []string {
	var names []string
	if l.shape.Labels != "" {
		names = append(names, pipeLabels)
	}
	for _, stream := range l.shape.References {
		names = append(names, dimsOf(stream))
	}
	return names
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
