package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/howdah/howdah/internal/console"
	"github.com/howdah/howdah/lab"
)

// labPage shows the page what a lab is doing, and does there what the page asks for.
type labPage struct{ served *servedLab }

// labPast is how much scenario time the page's curves reach back.
const labPast = 400 * 24 * time.Hour

func (p labPage) Look(ctx context.Context) (*console.LabState, error) {
	l, err := p.served.open(ctx)
	if err != nil {
		return nil, err
	}
	s, err := l.Status(ctx)
	if err != nil {
		return nil, err
	}
	out := &console.LabState{Scenario: s.Scenario, Seed: s.Seed, Epoch: l.Info().Epoch, Now: s.Now, Day: s.Day, Speed: s.Speed, Paused: s.Paused,
		Going: s.Live, Quarantine: s.Quarantine, Amount: l.Scenario().Shape().Target == lab.Amount}
	running, err := l.Runners(ctx)
	if err != nil {
		return nil, err
	}
	out.Running = len(running) > 0
	for _, i := range l.Info().Timeline {
		out.Incidents = append(out.Incidents, console.LabIncident{From: i.From, Until: i.Until, Title: i.Title})
	}
	for _, x := range s.Pipelines {
		out.Pipelines = append(out.Pipelines, console.LabPipeline{Name: x.Name, Consumer: x.Consumer, Topic: x.Topic, Events: x.Events, Lag: x.Lag, Dead: x.Dead})
	}
	for _, f := range lab.Faults() {
		name, does, _ := strings.Cut(f, ": ")
		out.Faults = append(out.Faults, console.LabFault{Name: name, Does: does})
	}
	for _, read := range []func(context.Context, *lab.Lab, *console.LabState) error{labCurves, labModels, labData} {
		if err := read(ctx, l, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func labCurves(ctx context.Context, l *lab.Lab, out *console.LabState) error {
	scores, err := l.Evaluations(ctx, out.Now.Add(-labPast))
	if err != nil {
		return err
	}
	for _, e := range scores {
		measure := e.AUC
		if out.Amount {
			measure = e.MAPE
		}
		out.Scores = append(out.Scores, console.LabScore{Model: e.Model, Version: e.Version, Role: e.Role, Matured: e.Labels == lab.Matured, AsOf: e.AsOf.UTC(),
			N: e.N, Positives: e.Positives, Measure: orNaN(measure), Low: orNaN(e.Low), High: orNaN(e.High), Coverage: orNaN(e.Coverage)})
	}
	drift, err := l.Drift(ctx, out.Now.Add(-labPast))
	if err != nil {
		return err
	}
	for _, d := range drift {
		out.Drift = append(out.Drift, console.LabDrift{Feature: d.Feature, AsOf: d.AsOf.UTC(), Version: d.Version, PSI: orNaN(d.PSI), Noise: orNaN(d.NoiseFloor), KS: orNaN(d.KS)})
	}
	alerts, err := l.Alerts(ctx, false)
	if err != nil {
		return err
	}
	for _, a := range alerts {
		out.Alerts = append(out.Alerts, console.LabAlert{Name: a.Name, Subject: a.Subject, Severity: a.Severity, Expression: a.Expression, State: a.State,
			Detail: a.Detail, Value: orNaN(a.Value), Since: a.Since, FiredAt: a.FiredAt, ResolvedAt: a.ResolvedAt})
	}
	injected, err := l.Injections(ctx)
	for _, i := range injected {
		out.Injected = append(out.Injected, console.LabIncident{From: i.From, Until: i.Until, Title: fmt.Sprintf("injected: %s, %.0f %%", i.Fault, 100*i.Share)})
	}
	return err
}

func labModels(ctx context.Context, l *lab.Lab, out *console.LabState) error {
	versions, err := l.Versions(ctx, "")
	if err != nil {
		return err
	}
	metric := "auc"
	if out.Amount {
		metric = "mape"
	}
	models := map[string]bool{}
	for _, v := range versions {
		x := console.LabVersion{Model: v.Model, Version: v.Version, Kind: v.Kind, Stage: v.Stage, Aliases: v.Aliases, CreatedAt: v.CreatedAt, Triggers: v.Triggers,
			Measure: math.NaN(), Gate: v.Gate.Passed, Artefact: v.Artefact, Comparison: v.Tags["last_comparison"]}
		if v.Dataset != nil {
			x.Dataset = *v.Dataset
		}
		if measure, ok := v.Metrics[metric].(float64); ok {
			x.Measure = measure
		}
		for _, c := range v.Gate.Checks {
			x.Checks = append(x.Checks, console.LabCheck{Name: c.Name, Limit: c.Limit, Passed: c.Passed, Value: c.Value})
		}
		out.Versions = append(out.Versions, x)
		if models[v.Model] {
			continue
		}
		models[v.Model] = true
		moves, err := l.History(ctx, v.Model)
		if err != nil {
			return err
		}
		for _, m := range moves {
			out.Moves = append(out.Moves, console.LabMove{Model: m.Model, Alias: m.Alias, Version: m.Version, From: m.From, Until: m.Until, By: m.By, Reason: m.Reason})
		}
	}
	return nil
}

func labData(ctx context.Context, l *lab.Lab, out *console.LabState) error {
	sets, err := l.Datasets(ctx)
	if err != nil {
		return err
	}
	for _, d := range sets {
		var m lab.Manifest
		if err := json.Unmarshal(d.Manifest, &m); err != nil {
			return fmt.Errorf("read the manifest of dataset %d: %w", d.Dataset, err)
		}
		out.Datasets = append(out.Datasets, console.LabDataset{Dataset: d.Dataset, AsOf: m.AsOf, Rows: m.Rows, Positives: m.Positives, SHA256: m.SHA256, Bucket: d.Bucket, Object: d.Object})
	}
	runs, err := l.Runs(ctx, 15)
	for _, r := range runs {
		out.Runs = append(out.Runs, console.LabRun{AsOf: r.AsOf.UTC(), Triggers: r.Triggers, Outcome: r.Outcome})
	}
	return err
}

func orNaN(f *float64) float64 {
	if f == nil {
		return math.NaN()
	}
	return *f
}

func (p labPage) clock(ctx context.Context, x lab.ClockChange) error {
	l, err := p.served.open(ctx)
	if err != nil {
		return err
	}
	_, err = l.Set(ctx, x)
	return err
}

func (p labPage) Pause(ctx context.Context, paused bool) error {
	return p.clock(ctx, lab.ClockChange{Paused: &paused})
}

func (p labPage) Speed(ctx context.Context, factor float64) error {
	return p.clock(ctx, lab.ClockChange{Speed: &factor})
}

func (p labPage) Jump(ctx context.Context, day int) error {
	return p.clock(ctx, lab.ClockChange{Day: &day})
}

func (p labPage) Step(ctx context.Context, length time.Duration) error {
	return p.clock(ctx, lab.ClockChange{Step: length})
}

func (p labPage) Inject(ctx context.Context, fault string, length time.Duration, share float64) error {
	l, err := p.served.open(ctx)
	if err != nil {
		return err
	}
	return l.Inject(ctx, fault, length, share)
}

func (p labPage) Move(ctx context.Context, model, alias string, version int, reason string) error {
	l, err := p.served.open(ctx)
	if err != nil {
		return err
	}
	return l.Move(ctx, model, alias, version, nil, "on the page", reason)
}

func (p labPage) Rollback(ctx context.Context, model, reason string) (int, error) {
	l, err := p.served.open(ctx)
	if err != nil {
		return 0, err
	}
	return l.Rollback(ctx, model, "on the page", reason)
}
