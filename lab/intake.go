package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
)

// clean is the pipeline that checks, converts and de-duplicates facts, and sets aside what is wrong under the name of a
// rule.
func (l *Lab) clean(ctx context.Context, tx pgx.Tx, batch []howdah.Event) (out int64, last time.Time, err error) {
	clock, err := readClock(ctx, tx)
	if err != nil {
		return 0, last, err
	}
	heads, ids := make([]headers, len(batch)), make([][16]byte, len(batch))
	for i := range batch {
		heads[i] = l.readHeaders(l.shape.Facts, &batch[i], clock)
		ids[i] = uuidBytes(heads[i].EventID)
		last = later(last, heads[i].KnownAt)
	}
	var before []string
	for _, stream := range l.shape.Before {
		before = append(before, dimsOf(stream))
	}
	if err := l.await(ctx, tx, last, before...); err != nil {
		return 0, last, err
	}
	tables := []string{"facts", "quarantine", "duplicates"}
	if l.shape.Labels == "" { // they come with the facts
		tables = append(tables, "labels")
	}
	through, err := l.again(ctx, tx, pipeClean, batch, tables...)
	if err != nil {
		return 0, last, err
	}
	seen, err := l.seen(ctx, tx, ids)
	if err != nil {
		return 0, last, err
	}
	cleaned, bad := make([]Cleaned, len(batch)), make([]error, len(batch))
	refs := map[Ref]time.Time{}
	for i := range batch {
		if cleaned[i], bad[i] = l.scenario.Clean(batch[i].Payload, heads[i].KnownAt); bad[i] == nil {
			for _, r := range cleaned[i].Refs {
				refs[Ref{Collection: r.Collection, Key: r.Key}] = time.Time{}
			}
		}
	}
	if err := l.firstKnown(ctx, tx, refs); err != nil {
		return 0, last, err
	}
	known := map[string]bool{}
	if err := l.factsThere(ctx, tx, cleaned, known); err != nil {
		return 0, last, err
	}
	var facts, aside, twice, labels [][]any
	var events []howdah.Event
	for i := range batch {
		h := &heads[i]
		rule, detail := rejected(bad[i])
		f := &cleaned[i].Fact
		if bad[i] == nil {
			for _, r := range cleaned[i].Refs {
				if at, ok := refs[Ref{Collection: r.Collection, Key: r.Key}]; !ok || at.IsZero() || !at.Before(h.KnownAt) {
					rule, detail = r.Rule, fmt.Sprintf("%s %q is not known", r.Collection, r.Key)
				}
			}
			if rule == "" && known[f.ID] {
				rule, detail = "duplicate_fact", fmt.Sprintf("%s came before, in another event", f.ID)
			}
		}
		switch {
		case seen[ids[i]]:
			twice = append(twice, []any{l.shape.Facts, batch[i].ID, ids[i], h.KnownAt})
		case rule != "":
			aside = append(aside, []any{l.shape.Facts, batch[i].ID, ids[i], h.KnownAt, rule, detail, batch[i].Payload})
		default:
			known[f.ID] = true
			facts = append(facts, []any{ids[i], f.ID, f.At, f.Known, f.Key1, f.Key2, f.Doc, cleaned[i].Converted, batch[i].ID})
			if x := cleaned[i].Label; x != nil && l.shape.Labels == "" {
				labels = append(labels, labelRow(x, batch[i].ID))
			}
			if batch[i].ID > through {
				text, _ := json.Marshal(headers{h.EventID, l.shape.Facts + ".clean", 1, f.Known}) // texts and a time
				events = append(events, howdah.Event{Key: f.Key1, Payload: f.Doc, Headers: text, EventTime: f.At})
			}
		}
		seen[ids[i]] = true
	}
	if err := copyRows(ctx, tx, "facts", []string{"event_id", "fact_id", "occurred_at", "known_at", "key1", "key2", "doc", "converted", "source_id"}, facts); err != nil {
		return 0, last, err
	}
	if err := insertNew(ctx, tx, "labels", labelFields, labels); err != nil {
		return 0, last, err
	}
	if batch[0].ID <= through { // a back-fill, which may see second keys with other eyes
		names := make([]string, len(facts))
		for i := range facts {
			names[i] = facts[i][1].(string)
		}
		if _, err := tx.Exec(ctx, "update lab.labels set key2 = null where fact_id = any($1)", names); err != nil {
			return 0, last, fmt.Errorf("place labels anew: %w", err)
		}
	}
	if len(labels) > 0 {
		if err := place(ctx, tx); err != nil {
			return 0, last, err
		}
	}
	if err := copyRows(ctx, tx, "quarantine", quarantineColumns, aside); err != nil {
		return 0, last, err
	}
	if err := copyRows(ctx, tx, "duplicates", quarantineColumns[:4], twice); err != nil {
		return 0, last, err
	}
	if len(events) > 0 {
		out, err = l.db.Topic(l.cleanTopic()).PublishTx(ctx, tx, events...)
	}
	return out, last, err
}

var quarantineColumns = []string{"topic", "source_id", "event_id", "known_at", "rule", "detail", "payload"}

// again says up to which event a pipeline has been, and, where a batch goes back behind that, removes what the batch made
// the first time: a back-fill writes it anew and publishes nothing twice.
func (l *Lab) again(ctx context.Context, tx pgx.Tx, pipe string, batch []howdah.Event, tables ...string) (through int64, err error) {
	if err := tx.QueryRow(ctx, "select coalesce(max(through_id), 0) from lab.progress where pipeline = $1", pipe).Scan(&through); err != nil {
		return 0, err
	}
	if batch[0].ID > through {
		return through, nil
	}
	for _, table := range tables {
		if _, err := tx.Exec(ctx, "delete from lab."+table+" where source_id = any($1)", ids(batch)); err != nil {
			return 0, err
		}
	}
	return through, nil
}

func ids(batch []howdah.Event) []int64 {
	all := make([]int64, len(batch))
	for i := range batch {
		all[i] = batch[i].ID
	}
	return all
}

// factsThere finds facts that came before, under the id of another event.
func (l *Lab) factsThere(ctx context.Context, tx pgx.Tx, cleaned []Cleaned, known map[string]bool) error {
	var names []string
	for i := range cleaned {
		if cleaned[i].Fact.ID != "" {
			names = append(names, cleaned[i].Fact.ID)
		}
	}
	rows, err := tx.Query(ctx, "select fact_id from lab.facts where fact_id = any($1)", names)
	if err != nil {
		return fmt.Errorf("look for facts: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, id := range found {
		known[id] = true
	}
	return err
}

// rejected names the rule behind an error of the scenario.
func rejected(err error) (rule, detail string) {
	var r Rejection
	switch {
	case err == nil:
		return "", ""
	case errors.As(err, &r):
		return r.RejectedBy()
	}
	return "invalid", err.Error()
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// seen finds, among event ids, those that have been cleaned or set aside before.
func (l *Lab) seen(ctx context.Context, tx pgx.Tx, ids [][16]byte) (map[[16]byte]bool, error) {
	seen := make(map[[16]byte]bool, len(ids))
	rows, err := tx.Query(ctx, `select event_id from lab.facts where event_id = any($1::uuid[])
		union all select event_id from lab.quarantine where event_id = any($1::uuid[])`, ids)
	if err != nil {
		return nil, fmt.Errorf("look for duplicates: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[[16]byte])
	for _, id := range found {
		seen[id] = true
	}
	return seen, err
}

// firstKnown fills in when each reference became known.
func (l *Lab) firstKnown(ctx context.Context, tx pgx.Tx, refs map[Ref]time.Time) error {
	keys := map[string][]string{}
	for r := range refs {
		keys[r.Collection] = append(keys[r.Collection], r.Key)
	}
	for collection, list := range keys {
		rows, err := tx.Query(ctx, "select key, min(known_at) from lab.profiles where collection = $1 and key = any($2) group by key", collection, list)
		if err != nil {
			return fmt.Errorf("look up %s: %w", collection, err)
		}
		var key string
		var at time.Time
		if _, err := pgx.ForEachRow(rows, []any{&key, &at}, func() error {
			refs[Ref{Collection: collection, Key: key}] = at
			return nil
		}); err != nil {
			return fmt.Errorf("look up %s: %w", collection, err)
		}
	}
	return nil
}

func copyRows(ctx context.Context, tx pgx.Tx, table string, columns []string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"lab", table}, columns, pgx.CopyFromRows(rows)); err != nil {
		return fmt.Errorf("write lab.%s: %w", table, err)
	}
	return nil
}

var labelFields = []string{"label_id", "fact_id", "value", "source", "supersedes", "reported_at", "known_at", "source_id"}

func labelRow(l *Label, source int64) []any {
	return []any{l.ID, l.Fact, l.Value, l.Source, l.Supersedes, l.At, l.Known, source}
}

// labels is the pipeline that keeps every label with its two times. A correction is a row of its own.
func (l *Lab) labels(ctx context.Context, tx pgx.Tx, batch []howdah.Event) (out int64, last time.Time, err error) {
	clock, err := readClock(ctx, tx)
	if err != nil {
		return 0, last, err
	}
	var rows, aside [][]any
	for i := range batch {
		e := &batch[i]
		h := l.readHeaders(l.shape.Labels, e, clock)
		last = later(last, h.KnownAt)
		label, err := l.scenario.Label(e.Payload, h.KnownAt)
		if err != nil {
			rule, detail := rejected(err)
			aside = append(aside, []any{l.shape.Labels, e.ID, uuidBytes(h.EventID), h.KnownAt, rule, detail, e.Payload})
			continue
		}
		rows = append(rows, labelRow(&label, e.ID))
	}
	if _, err := l.again(ctx, tx, pipeLabels, batch, "labels"); err != nil {
		return 0, last, err
	}
	if err := insertNew(ctx, tx, "labels", labelFields, rows); err != nil {
		return 0, last, err
	}
	if err := place(ctx, tx); err != nil {
		return 0, last, err
	}
	if err := insertNew(ctx, tx, "quarantine", quarantineColumns, aside); err != nil {
		return 0, last, err
	}
	return 0, last, nil
}

// place notes the second keys of labels, the new ones and those whose fact has come since. A fact that another transaction
// is about to write is not seen; whoever reads labels looks at those without a key too.
func place(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `update lab.labels l set key2 = coalesce(f.key2, '') from lab.labels new
		cross join lateral (select * from lab.facts f where f.fact_id = new.fact_id offset 0) f where new.key2 is null and l.label_id = new.label_id`)
	if err != nil {
		return fmt.Errorf("place labels: %w", err)
	}
	return nil
}

// insertNew inserts rows and leaves out those that are there: the same event may be published twice, or back-filled.
func insertNew(ctx context.Context, tx pgx.Tx, table string, columns []string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	places := make([]string, len(columns))
	for i := range places {
		places[i] = "$" + strconv.Itoa(i+1)
	}
	sql := "insert into lab." + table + " (" + strings.Join(columns, ", ") + ") values (" + strings.Join(places, ", ") + ") on conflict do nothing"
	var b pgx.Batch
	for _, row := range rows {
		b.Queue(sql, row...)
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("write lab.%s: %w", table, err)
	}
	return nil
}

// dims is the pipeline that keeps one collection of reference data with its two times.
func (l *Lab) dims(ctx context.Context, tx pgx.Tx, stream string, batch []howdah.Event) (out int64, last time.Time, err error) {
	clock, err := readClock(ctx, tx)
	if err != nil {
		return 0, last, err
	}
	through, err := l.again(ctx, tx, dimsOf(stream), batch)
	if err != nil {
		return 0, last, err
	}
	var rows, aside [][]any
	var profiles []Profile
	for i := range batch {
		e := &batch[i]
		h := l.readHeaders(stream, e, clock)
		last = later(last, h.KnownAt)
		p, err := l.scenario.Profile(stream, e.Payload, h.KnownAt)
		if err != nil {
			rule, detail := rejected(err)
			aside = append(aside, []any{stream, e.ID, uuidBytes(h.EventID), h.KnownAt, rule, detail, e.Payload})
			continue
		}
		rows = append(rows, []any{stream, p.Key, p.ValidFrom, p.Known, p.Doc, e.ID})
		if e.ID > through { // a back-fill says nothing new
			profiles = append(profiles, p)
		}
	}
	if err := insertNew(ctx, tx, "profiles", []string{"collection", "key", "valid_from", "known_at", "doc", "source_id"}, rows); err != nil {
		return 0, last, err
	}
	if err := insertNew(ctx, tx, "quarantine", quarantineColumns, aside); err != nil {
		return 0, last, err
	}
	if err := l.putProfiles(ctx, tx, stream, profiles); err != nil {
		return 0, last, err
	}
	return 0, last, nil
}
