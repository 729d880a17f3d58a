package lab

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
)

// TrainNow trains by hand, with the labels known up to where events have been published, and returns what came of it.
func (l *Lab) TrainNow(ctx context.Context, policy string) (outcome string, detail map[string]any, err error) {
	err = pgx.BeginFunc(ctx, l.db.Pool(), func(tx pgx.Tx) error {
		at, err := l.arrived(ctx, tx)
		if err != nil {
			return err
		}
		if err := l.await(ctx, tx, at, append(l.references(), pipeScore)...); err != nil {
			return err
		}
		if outcome, detail, err = l.trainAll(ctx, tx, at, []string{"by hand"}, policy); err != nil {
			return err
		}
		return recordRun(ctx, tx, at, []string{"by hand"}, outcome, detail)
	})
	return outcome, detail, err
}

// Reset removes everything that the lab made in a database: its consumers, topics, collections, buckets and tables. It
// refuses while somebody runs it.
func Reset(ctx context.Context, db *howdah.DB, s Scenario) error {
	if err := nobodyRuns(ctx, db.Pool()); err != nil {
		return err
	}
	l := &Lab{db: db, scenario: s, shape: s.Shape(), info: s.World().Info()}
	topics := map[string]bool{topicClock: true, l.cleanTopic(): true, topicFeatures: true, topicPredictions: true, topicAlerts: true, topicModels: true}
	for _, x := range l.info.Streams {
		topics[x.Name] = true
	}
	consumers, err := db.Consumers(ctx)
	if err != nil {
		return err
	}
	for _, c := range consumers {
		if topics[c.Topic] {
			if err := db.DropConsumer(ctx, c.Consumer); err != nil {
				return err
			}
		}
	}
	for _, topic := range slices.Sorted(maps.Keys(topics)) {
		if err := ignoreMissing(db.DropTopic(ctx, topic)); err != nil {
			return err
		}
	}
	for _, collection := range l.shape.References {
		if err := ignoreMissing(db.DropCollection(ctx, collection)); err != nil {
			return err
		}
	}
	for _, name := range []string{bucketDatasets, bucketModels} {
		if err := l.dropBucket(ctx, name); err != nil {
			return err
		}
	}
	if _, err := db.Pool().Exec(ctx, "drop schema if exists lab cascade"); err != nil {
		return fmt.Errorf("drop the lab's tables: %w", err)
	}
	return nil
}
