package lab

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
)

// Status is the lab at a glance.
type Status struct {
	Scenario   string           `json:"scenario"`
	Seed       uint64           `json:"seed"`
	Now        time.Time        `json:"scenario_time"`
	Day        int              `json:"day"`
	Published  time.Time        `json:"published_until"`
	Speed      float64          `json:"speed"` // 0: as fast as possible
	Paused     bool             `json:"paused"`
	Live       bool             `json:"live"`
	Pipelines  []PipelineStatus `json:"pipelines"`
	Models     []ModelStatus    `json:"models"`
	Alerts     []Alert          `json:"alerts"` // open ones
	Incidents  []string         `json:"incidents"`
	Datasets   int              `json:"datasets"`
	Quarantine int64            `json:"quarantined"`
}

// PipelineStatus is one durable consumer.
type PipelineStatus struct {
	Name       string   `json:"name"`
	Consumer   string   `json:"consumer"`
	Topic      string   `json:"topic"`
	Events     int64    `json:"events"` // done
	Lag        int64    `json:"lag"`
	LagSeconds *float64 `json:"lag_seconds"` // system time
	Dead       int64    `json:"dead"`
}

// ModelStatus is a version that has an alias.
type ModelStatus struct {
	Model       string          `json:"model"`
	Version     int             `json:"version"`
	Aliases     []string        `json:"aliases"`
	Dataset     *int            `json:"dataset"`
	OfflineAUC  *float64        `json:"offline_auc"`
	OfflineMAPE *float64        `json:"offline_mape,omitempty"` // of an amount
	Provisional *EvaluationLine `json:"provisional"`
	Matured     *EvaluationLine `json:"matured"`
}

// Status reads the lab's state.
func (l *Lab) Status(ctx context.Context) (*Status, error) {
	c, err := l.Clock(ctx)
	if err != nil {
		return nil, err
	}
	s := &Status{Scenario: l.info.Scenario, Seed: l.info.Seed, Speed: c.Rate, Paused: c.Paused}
	if s.Published, err = l.publishedUntil(ctx); err != nil {
		return nil, err
	}
	s.Now = s.Published
	s.Day, s.Live = l.dayOf(s.Now), !s.Now.Before(l.info.GoLive)
	if s.Pipelines, err = l.pipelineStatus(ctx); err != nil {
		return nil, err
	}
	if err := l.db.Pool().QueryRow(ctx, "select (select count(*) from lab.datasets), (select count(*) from lab.quarantine)").Scan(&s.Datasets, &s.Quarantine); err != nil {
		return nil, fmt.Errorf("read the lab's status: %w", err)
	}
	if err := l.modelStatus(ctx, s); err != nil {
		return nil, err
	}
	for _, i := range l.info.Timeline {
		if !i.From.After(s.Now) && (i.Until.IsZero() || i.Until.After(s.Now)) {
			s.Incidents = append(s.Incidents, i.Title)
		}
	}
	s.Alerts, err = l.Alerts(ctx, true)
	return s, err
}

func (l *Lab) pipelineStatus(ctx context.Context) (out []PipelineStatus, err error) {
	all, err := l.db.Consumers(ctx)
	if err != nil {
		return nil, err
	}
	done, err := counts(ctx, l.db.Pool(), "select pipeline, events from lab.progress")
	if err != nil {
		return nil, err
	}
	for _, p := range l.pipelines() {
		i := slices.IndexFunc(all, func(c howdah.ConsumerInfo) bool { return c.Consumer == p.consumer() })
		if i >= 0 {
			out = append(out, PipelineStatus{p.name, p.consumer(), p.topic, done[p.name], all[i].Lag, all[i].LagSeconds, all[i].Dead})
		}
	}
	return out, nil
}

func (l *Lab) modelStatus(ctx context.Context, s *Status) error {
	rows, err := l.db.Pool().Query(ctx, `select v.model, v.version, array_agg(a.alias order by a.id), v.dataset, (v.metrics->>'auc')::float8, (v.metrics->>'mape')::float8
		from lab.versions v join lab.aliases a using (model, version) where a.until_time is null group by v.model, v.version order by min(a.id)`)
	if err != nil {
		return fmt.Errorf("read the lab's models: %w", err)
	}
	s.Models, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (m ModelStatus, err error) {
		return m, row.Scan(&m.Model, &m.Version, &m.Aliases, &m.Dataset, &m.OfflineAUC, &m.OfflineMAPE)
	})
	if err != nil {
		return fmt.Errorf("read the lab's models: %w", err)
	}
	var lines []EvaluationLine
	if err := collect(ctx, l.db.Pool(), &lines, "select distinct on (model, version, labels) "+evaluationColumns+" from lab.evaluations order by model, version, labels, as_of desc"); err != nil {
		return err
	}
	for i := range s.Models {
		m := &s.Models[i]
		for j := range lines {
			switch e := &lines[j]; {
			case e.Model != m.Model || e.Version != m.Version:
			case e.Labels == Matured:
				m.Matured = e
			default:
				m.Provisional = e
			}
		}
	}
	return nil
}

// Lines is the status for people.
func (s *Status) Lines() []string {
	state := fmt.Sprintf("speed %.0f", s.Speed)
	switch {
	case s.Paused:
		state = "paused"
	case !s.Live:
		state = "prehistory"
	case s.Speed == 0:
		state = "as fast as possible"
	}
	out := []string{
		fmt.Sprintf("%s, seed %d   day %d   %s   %s", s.Scenario, s.Seed, s.Day, s.Now.Format("2006-01-02 15:04"), state), "",
		fmt.Sprintf("%-16s %-16s %12s %8s %9s %6s", "PIPELINE", "TOPIC", "DONE", "LAG", "BEHIND", "DEAD"),
	}
	for _, p := range s.Pipelines {
		behind := "-"
		if p.LagSeconds != nil && p.Lag > 0 {
			behind = fmt.Sprintf("%.1f s", *p.LagSeconds)
		}
		out = append(out, fmt.Sprintf("%-16s %-16s %12d %8d %9s %6d", p.Name, p.Topic, p.Events, p.Lag, behind, p.Dead))
	}
	out = append(out, "", fmt.Sprintf("%-14s %-12s %8s %30s %30s", "MODEL", "ALIAS", "OFFLINE", "LAST 7 DAYS, PROVISIONAL", "LAST MATURED 7 DAYS"))
	for _, m := range s.Models {
		out = append(out, fmt.Sprintf("%-14s %-12s %8s %30s %30s", subject(m.Model, m.Version), strings.Join(m.Aliases, ","), m.offline(), m.Provisional.text(), m.Matured.text()))
	}
	if len(s.Models) == 0 {
		out = append(out, "none yet")
	}
	out = append(out, "", fmt.Sprintf("%d datasets, %d events set aside", s.Datasets, s.Quarantine))
	if len(s.Incidents) > 0 {
		out = append(out, "now: "+strings.Join(s.Incidents, "; "))
	}
	for _, a := range s.Alerts {
		out = append(out, fmt.Sprintf("ALERT %s %s %s since %s: %s", a.Severity, a.Name, a.Subject, a.Since.Format("2006-01-02 15:04"), a.Detail))
	}
	return out
}

func (m *ModelStatus) offline() string {
	if m.OfflineMAPE != nil {
		return fmt.Sprintf("%.1f %%", 100**m.OfflineMAPE)
	}
	return short(m.OfflineAUC)
}

func (e *EvaluationLine) text() string {
	switch {
	case e != nil && e.MAPE != nil:
		return fmt.Sprintf("error %.1f %%, n %d", 100**e.MAPE, e.N)
	case e == nil || e.AUC == nil:
		return "-"
	}
	return fmt.Sprintf("%.3f (%.3f to %.3f), n+ %d", *e.AUC, *e.Low, *e.High, e.Positives)
}

func short(x *float64) string {
	if x == nil {
		return "-"
	}
	return fmt.Sprintf("%.3f", *x)
}
