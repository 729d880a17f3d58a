package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// logSQL writes answers to their table and to the topic, whose rows anybody with the right may insert: one statement, so
// one round trip. Nor does its commit wait for the disk, which would be most of an answer: a crash of PostgreSQL itself can
// take the answers of the last half second, always from both. It returns the greatest id in the topic.
const logSQL = `with written as (
		insert into lab.predictions (prediction_id, fact_id, model, version, role, acted, score, threshold, decision, occurred_at, known_at, latency_us, served)
		select * from unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::text[], $6::bool[], $7::float8[], $8::float8[], $9::bool[],
			$10::timestamptz[], $11::timestamptz[], $12::int[], $13::bool[])),
	published as (
		insert into events.predictions (key, payload, headers, event_time)
		select fact, payload::json, headers::jsonb, at from unnest($2::text[], $14::text[], $15::text[], $10::timestamptz[]) with ordinality x (fact, payload, headers, at, n)
		order by n returning id)
	select coalesce(max(id), 0) from published, (select set_config('synchronous_commit', 'off', true) offset 0) s`

// logPredictions writes answers and publishes them, and returns the last id.
func logPredictions(ctx context.Context, q querier, all []Prediction) (out int64, err error) {
	n := len(all)
	ids, facts, models, roles := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	versions, latencies := make([]int, n), make([]int64, n)
	acted, decisions, served := make([]bool, n), make([]bool, n), make([]bool, n)
	scores, thresholds := make([]float64, n), make([]float64, n)
	occurred, requested := make([]time.Time, n), make([]time.Time, n)
	payloads, heads := make([]string, n), make([]string, n)
	for i := range all {
		p := &all[i]
		ids[i], facts[i], models[i], roles[i], versions[i], latencies[i] = p.ID, p.Fact, p.Model, p.Role, p.Version, p.LatencyUS
		acted[i], decisions[i], served[i], scores[i], thresholds[i] = p.Acted, p.Decision, p.Served, p.Score, p.Threshold
		occurred[i], requested[i] = p.OccurredAt, p.RequestedAt
		payload, err := json.Marshal(p)
		if err != nil {
			return 0, fmt.Errorf("prediction of %s: %w", p.Fact, err)
		}
		h, _ := json.Marshal(headers{hashUUID("prediction event", p.ID), "prediction.made", 1, p.RequestedAt}) // texts and a time
		payloads[i], heads[i] = string(payload), string(h)
	}
	err = q.QueryRow(ctx, logSQL, ids, facts, models, versions, roles, acted, scores, thresholds, decisions, occurred, requested, latencies, served, payloads, heads).Scan(&out)
	if err != nil {
		return 0, fmt.Errorf("log predictions: %w", err)
	}
	return out, nil
}
