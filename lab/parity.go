package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
)

// Parity computes, by key as serving does, the features of facts that predictions were logged about, and says which differ
// from those that were logged. The events are of the topic predictions.
func (l *Lab) Parity(ctx context.Context, logged []howdah.Event) (differ []string, err error) {
	want := map[string]Prediction{}
	var names []string
	for _, e := range logged {
		var p Prediction
		if err := json.Unmarshal(e.Payload, &p); err != nil {
			return nil, fmt.Errorf("prediction %d: %w", e.ID, err)
		}
		want[p.Fact] = p
		names = append(names, p.Fact)
	}
	facts, err := l.factsNamed(ctx, l.db.Pool(), names)
	if err != nil {
		return nil, err
	}
	view := l.scenario.View()
	for chunk := range slices.Chunk(facts, 250) {
		rows, err := l.AsOf(ctx, l.db.Pool(), chunk)
		if err != nil {
			return nil, err
		}
		for i, f := range chunk {
			p := want[f.ID]
			row, err := view.ParseJSON(p.Features)
			if err != nil {
				return nil, err
			}
			if d := row.Difference(rows[i]); d >= 0 {
				differ = append(differ, fmt.Sprintf("%s: value %d of %s, now %s", f.ID, d, p.Features, view.AppendJSON(nil, rows[i])))
			}
			delete(want, f.ID)
		}
	}
	for id := range want {
		differ = append(differ, id+": there is no such fact")
	}
	return differ, nil
}

func (l *Lab) factsNamed(ctx context.Context, q querier, names []string) ([]Fact, error) {
	rows, err := q.Query(ctx, "select "+factColumns+" from lab.facts where fact_id = any($1)", names)
	if err != nil {
		return nil, fmt.Errorf("load facts: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (f Fact, err error) {
		var doc []byte
		err = row.Scan(&f.ID, &f.Key1, &f.Key2, &f.At, &f.Known, &doc)
		f.Doc = slices.Clone(doc)
		return f, err
	})
}
