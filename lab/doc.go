// Package lab is the system that a class builds: it simulates a business, takes its events in, cleans and joins them,
// trains, evaluates, deploys and monitors models. It stands on Howdah's public API alone.
//
// Each pipeline is a durable consumer whose effects, output events and ack commit together:
//
//	payments ──▶ clean ──▶ facts, quarantine ──▶ payments_clean ──▶ features ──▶ score ──▶ predictions
//	labels ────▶ labels ─────────────────────────────────────────────▲
//	customers … ▶ dims_… ──▶ collections, profiles ──────────────────┘
//	clock (scenario hours) ──▶ monitor, evaluate, train (and promote) ──▶ alerts, models
//
// The result depends on the events and their scenario times only: not on how batches were cut, which pipeline was ahead,
// or who was killed when; one gate of a new model times the scoring. Two rules make it so. A computation for the instant k uses what was known before k, and nothing
// else. And it waits until the pipelines before it have everything that was known before k (see await).
//
// The scenario is an interface: what is said here about payments holds for any facts with two keys, late labels and
// reference data, whether the target is a class or an amount.
package lab
