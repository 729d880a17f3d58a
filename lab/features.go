package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/lab/feature"
)

// features is the pipeline that computes the feature view for every fact as of the fact. Its index is a cache: it belongs
// to one position of the consumer, and where that is another one it is built anew from the tables.
type features struct {
	lab     *Lab
	index   Index
	through int64 // the last clean event that the index holds
	labels  int64 // the last label, by its id in the topic
	refs    map[string]int64
	forgot  time.Time
}

// slack is how late a fact may come and still find the facts before it in the index.
const slack = 3 * 24 * time.Hour

// labelReach is how much older than the window a fact may be of which labels still count.
const labelReach = 90 * 24 * time.Hour

func (l *Lab) newFeatures() *features { return &features{lab: l} }

// featureEvent is the payload of a features event.
type featureEvent struct {
	FactID   string          `json:"fact_id"`
	View     string          `json:"feature_view"`
	KnownAt  time.Time       `json:"known_at"`
	Features json.RawMessage `json:"features"`
}

func (f *features) handle(ctx context.Context, tx pgx.Tx, batch []howdah.Event) (out int64, last time.Time, err error) {
	l := f.lab
	// Until this batch is done, the index is of no known position.
	was := f.through
	f.through = -1
	facts := make([]Fact, len(batch))
	first := batch[0].EventTime
	for i := range batch {
		var h headers
		e := &batch[i]
		if err := json.Unmarshal(e.Headers, &h); err != nil {
			return 0, last, fmt.Errorf("clean event %d: %w", e.ID, err)
		}
		facts[i] = Fact{Key1: e.Key, At: e.EventTime, Known: h.KnownAt, Doc: e.Payload}
		last = later(last, h.KnownAt)
		if e.EventTime.Before(first) {
			first = e.EventTime
		}
	}
	if err := f.identify(ctx, tx, batch, facts); err != nil {
		return 0, last, err
	}
	if err := l.await(ctx, tx, last, l.references()...); err != nil {
		return 0, last, err
	}
	through, err := l.again(ctx, tx, pipeFeatures, batch)
	if err != nil {
		return 0, last, err
	}
	if again := batch[0].ID <= through; again || f.index == nil || was != through {
		if err := f.rebuild(ctx, tx, first, last); err != nil {
			return 0, last, fmt.Errorf("rebuild the index: %w", err)
		}
	}
	if err := f.catchUp(ctx, tx); err != nil {
		return 0, last, err
	}
	for i := range facts {
		if err := f.index.AddFact(&facts[i]); err != nil {
			return 0, last, err
		}
	}
	view := l.scenario.View()
	rows := make([][]any, 0, len(facts))
	events := make([]howdah.Event, 0, len(facts))
	var names []string
	for i := range facts {
		row, err := f.index.Compute(&facts[i])
		if err != nil {
			return 0, last, err
		}
		rows = append(rows, []any{view.ID(), facts[i].ID, facts[i].At, facts[i].Known, row.Numbers, row.Categories})
		if batch[i].ID <= through {
			names = append(names, facts[i].ID)
			continue
		}
		payload, err := json.Marshal(featureEvent{facts[i].ID, view.ID(), facts[i].Known, view.AppendJSON(nil, row)})
		if err != nil {
			return 0, last, err
		}
		events = append(events, howdah.Event{Key: facts[i].Key1, Payload: payload, EventTime: facts[i].At})
	}
	if len(names) > 0 { // a back-fill: written anew, not published again
		if _, err := tx.Exec(ctx, "delete from lab.features where view = $1 and fact_id = any($2)", view.ID(), names); err != nil {
			return 0, last, err
		}
	}
	if err := copyRows(ctx, tx, "features", []string{"view", "fact_id", "occurred_at", "known_at", "numbers", "categories"}, rows); err != nil {
		return 0, last, err
	}
	if len(events) > 0 {
		if out, err = l.db.Topic(topicFeatures).PublishTx(ctx, tx, events...); err != nil {
			return 0, last, err
		}
	}
	if horizon := last.Add(-l.shape.Window - slack); horizon.Sub(f.forgot) > 24*time.Hour {
		f.index.Forget(horizon)
		f.forgot = horizon
	}
	// If this transaction does not commit, the next batch begins elsewhere than here, and the index is built anew.
	f.through = max(through, batch[len(batch)-1].ID)
	return out, last, nil
}

// identify fills in what a clean event does not carry: the fact's id and second key.
func (f *features) identify(ctx context.Context, tx pgx.Tx, batch []howdah.Event, facts []Fact) error {
	for i := range batch {
		c, err := f.lab.scenario.Clean(batch[i].Payload, facts[i].Known)
		if err != nil {
			return fmt.Errorf("clean event %d: %w", batch[i].ID, err)
		}
		facts[i].ID, facts[i].Key2, facts[i].Value = c.Fact.ID, c.Fact.Key2, c.Fact.Value
	}
	return nil
}

// rebuild loads what features of facts from an instant on can need.
func (f *features) rebuild(ctx context.Context, tx pgx.Tx, from, until time.Time) error {
	f.index, f.labels, f.refs, f.forgot = f.lab.scenario.NewIndex(), 0, map[string]int64{}, time.Time{}
	from = from.Add(-f.lab.shape.Window - slack)
	if err := loadFacts(ctx, tx, f.index, "occurred_at >= $1 and known_at <= $2", from, until); err != nil {
		return err
	}
	// Labels are about older facts too: when something was last said about a merchant.
	return loadFacts(ctx, tx, f.index, "occurred_at < $1 and occurred_at >= $2 and fact_id in (select fact_id from lab.labels)",
		from, from.Add(-labelReach))
}

// catchUp adds labels and profiles that came since.
func (f *features) catchUp(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, "select "+labelColumns+" from lab.labels where source_id > $1 order by source_id", f.labels)
	if err != nil {
		return fmt.Errorf("load labels: %w", err)
	}
	if err := eachLabel(rows, func(l *Label, id int64) { f.index.AddLabel(l); f.labels = id }); err != nil {
		return err
	}
	for _, collection := range f.lab.shape.References {
		last, err := loadProfiles(ctx, tx, f.index, collection, "source_id > $2", f.refs[collection])
		if err != nil {
			return err
		}
		f.refs[collection] = max(f.refs[collection], last)
	}
	return nil
}

const (
	factColumns  = "fact_id, coalesce(key1, ''), coalesce(key2, ''), occurred_at, known_at, doc"
	labelColumns = "label_id, fact_id, source, coalesce(supersedes, ''), value, reported_at, known_at, source_id"
)

// loadFacts adds the facts that a condition names.
func loadFacts(ctx context.Context, q querier, index Index, where string, args ...any) error {
	rows, err := q.Query(ctx, "select "+factColumns+" from lab.facts where "+where, args...)
	if err != nil {
		return fmt.Errorf("load facts: %w", err)
	}
	return eachFact(rows, index)
}

func eachFact(rows pgx.Rows, index Index) error {
	var x Fact
	var doc []byte
	_, err := pgx.ForEachRow(rows, []any{&x.ID, &x.Key1, &x.Key2, &x.At, &x.Known, &doc}, func() error {
		fact := x
		fact.Doc = slices.Clone(doc)
		return index.AddFact(&fact)
	})
	if err != nil {
		return fmt.Errorf("load facts: %w", err)
	}
	return nil
}

func eachHit(rows pgx.Rows, index Index) error {
	var key2 string
	var at, known time.Time
	_, err := pgx.ForEachRow(rows, []any{&key2, &at, &known}, func() error {
		index.AddHit(key2, at, known)
		return nil
	})
	if err != nil {
		return fmt.Errorf("load facts: %w", err)
	}
	return nil
}

func eachLabelled(rows pgx.Rows, index Index) error {
	var f Fact
	var x Label
	_, err := pgx.ForEachRow(rows, []any{&f.Key2, &f.Known, &x.ID, &x.Fact, &x.Source, &x.Supersedes, &x.Value, &x.At, &x.Known}, func() error {
		label := x
		index.AddLabelOf(&label, &f)
		return nil
	})
	if err != nil {
		return fmt.Errorf("load labels: %w", err)
	}
	return nil
}

func eachLabel(rows pgx.Rows, f func(*Label, int64)) error {
	var x Label
	var id int64
	_, err := pgx.ForEachRow(rows, []any{&x.ID, &x.Fact, &x.Source, &x.Supersedes, &x.Value, &x.At, &x.Known, &id}, func() error {
		label := x
		f(&label, id)
		return nil
	})
	if err != nil {
		return fmt.Errorf("load labels: %w", err)
	}
	return nil
}

const profileColumns = "key, valid_from, known_at, doc, source_id"

// loadProfiles adds the versions of a collection that a condition names, and returns the greatest id in the topic.
func loadProfiles(ctx context.Context, q querier, index Index, collection, where string, args ...any) (last int64, err error) {
	rows, err := q.Query(ctx, "select "+profileColumns+" from lab.profiles where collection = $1 and "+where, append([]any{collection}, args...)...)
	if err != nil {
		return 0, fmt.Errorf("load %s: %w", collection, err)
	}
	return eachProfile(rows, index, collection)
}

func eachProfile(rows pgx.Rows, index Index, collection string) (last int64, err error) {
	var x Profile
	var doc []byte
	var id int64
	_, err = pgx.ForEachRow(rows, []any{&x.Key, &x.ValidFrom, &x.Known, &doc, &id}, func() error {
		p := x
		p.Doc = slices.Clone(doc)
		last = max(last, id)
		return index.AddProfile(collection, &p)
	})
	if err != nil {
		return 0, fmt.Errorf("load %s: %w", collection, err)
	}
	return last, nil
}

// AsOf computes the features of facts that are not stored, as serving does: it loads the histories of their keys, and
// nothing else, from the tables, all of it in one round trip.
func (l *Lab) AsOf(ctx context.Context, q sender, facts []Fact) ([]feature.Row, error) {
	if len(facts) == 0 {
		return nil, nil
	}
	var b pgx.Batch
	until := facts[0].At
	for i := range facts {
		until = later(until, facts[i].At)
	}
	index := l.queueHistories(&b, facts, until)
	if err := q.SendBatch(ctx, &b).Close(); err != nil {
		return nil, fmt.Errorf("load histories: %w", err)
	}
	return computeAll(index, facts)
}

func computeAll(index Index, facts []Fact) ([]feature.Row, error) {
	out := make([]feature.Row, len(facts))
	for i := range facts {
		var err error
		if out[i], err = index.Compute(&facts[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// queueHistories adds to a batch the queries for all that the features of facts need, up to an instant or, where that is
// zero, without an end; they fill the index that it returns.
func (l *Lab) queueHistories(b *pgx.Batch, facts []Fact, until time.Time) Index {
	index := l.scenario.NewIndex()
	var first, second []string
	from := facts[0].At
	for i := range facts {
		first, second = append(first, facts[i].Key1), append(second, facts[i].Key2)
		if facts[i].At.Before(from) {
			from = facts[i].At
		}
	}
	from = from.Add(-l.shape.Window)
	var end any = "infinity"
	if !until.IsZero() {
		end = until
	}
	b.Queue("select "+factColumns+" from lab.facts where key1 = any($1) and occurred_at >= $2 and occurred_at < $3", first, from, end).
		Query(func(rows pgx.Rows) error { return eachFact(rows, index) })
	// Of the others at the second key only that they were there is asked: a busy one has thousands, and to send and read
	// one costs more than to find it.
	b.Queue(`select key2, occurred_at, known_at from lab.facts where key2 = any($1) and occurred_at >= $2 and occurred_at < $3 and (key1 is null or key1 <> all ($4))`,
		second, from, end, first).Query(func(rows pgx.Rows) error { return eachHit(rows, index) })
	// offset 0: one look into the index for each label, instead of a scan of all facts.
	const labelled = `select coalesce(f.key2, ''), f.known_at, label_id, l.fact_id, source, coalesce(supersedes, ''), value, reported_at, l.known_at
		from lab.labels l cross join lateral (select * from lab.facts f where f.fact_id = l.fact_id offset 0) f where f.occurred_at >= $2 and `
	b.Queue(labelled+"l.key2 = any($1) union all "+labelled+"l.key2 is null and f.key2 = any($1)", second, from.Add(-labelReach)).
		Query(func(rows pgx.Rows) error { return eachLabelled(rows, index) })
	keys := append(slices.Clone(first), second...)
	for _, collection := range l.shape.References {
		where, args := "true", []any{collection}
		if field, linked := l.shape.Linked[collection]; linked {
			where, args = "key in (select doc ->> $2 from lab.profiles where collection = any($3) and key = any($4))", append(args, field, l.shape.Keyed, keys)
		} else if slices.Contains(l.shape.Keyed, collection) {
			where, args = "key = any($2)", append(args, keys)
		}
		b.Queue("select "+profileColumns+" from lab.profiles where collection = $1 and "+where, args...).Query(func(rows pgx.Rows) error {
			_, err := eachProfile(rows, index, collection)
			return err
		})
	}
	return index
}
