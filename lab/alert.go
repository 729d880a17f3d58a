package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
)

// alert is what a rule says at one look. Its state goes pending, firing, resolved, as in Prometheus: it fires once it has
// been active for so long, and there is one of a name and subject at a time.
type alert struct {
	Name, Subject, Severity, Expression string
	For                                 time.Duration // of scenario time
	SystemFor                           time.Duration // instead, of system time
	Active                              bool
	Value                               float64
	From, Until                         time.Time
	Detail                              string
}

// Alert is an alert as it is stored.
type Alert struct {
	Name        string     `json:"name"`
	Subject     string     `json:"subject"`
	Severity    string     `json:"severity"`
	Expression  string     `json:"expression"`
	State       string     `json:"state"`
	Value       *float64   `json:"value"`
	Since       time.Time  `json:"since"`
	FiredAt     *time.Time `json:"fired_at"`
	ResolvedAt  *time.Time `json:"resolved_at"`
	WindowFrom  *time.Time `json:"window_from"`
	WindowUntil *time.Time `json:"window_until"`
	Detail      string     `json:"detail"`
}

func (w *watch) alert(ctx context.Context, a alert) error {
	if w.open == nil {
		if err := w.loadOpen(ctx); err != nil {
			return err
		}
	}
	was, open := w.open[[2]string{a.Name, a.Subject}]
	state, since := was.state, was.since
	switch {
	case !open && !a.Active:
		return nil
	case !open:
		state, since = "pending", w.at
	case !a.Active && state == "pending": // it was nothing
		_, err := w.tx.Exec(ctx, "delete from lab.alerts where name = $1 and subject = $2 and since = $3", a.Name, a.Subject, since)
		return err
	case !a.Active:
		if _, err := w.tx.Exec(ctx, "update lab.alerts set state = 'resolved', resolved_at = $4 where name = $1 and subject = $2 and since = $3", a.Name, a.Subject, since, w.at); err != nil {
			return err
		}
		return w.announce(ctx, a, "resolved", since)
	}
	lasted := w.at.Sub(since) >= a.For
	if a.SystemFor > 0 {
		lasted = open && was.age >= a.SystemFor
	}
	fires := state == "pending" && lasted
	if fires {
		state = "firing"
	}
	_, err := w.tx.Exec(ctx, `insert into lab.alerts (name, subject, severity, expression, state, value, since, fired_at, window_from, window_until, detail)
		values ($1, $2, $3, $4, $5, $6, $7, case when $8 then $12::timestamptz end, $9, $10, $11)
		on conflict (name, subject, since) do update set state = excluded.state, value = excluded.value, fired_at = coalesce(lab.alerts.fired_at, excluded.fired_at),
			window_from = excluded.window_from, window_until = excluded.window_until, detail = excluded.detail`,
		a.Name, a.Subject, a.Severity, a.Expression, state, finite(a.Value), since, fires, a.From, a.Until, a.Detail, w.at)
	if err != nil {
		return err
	}
	if fires {
		return w.announce(ctx, a, state, since)
	}
	return nil
}

type openAlert struct {
	state string
	since time.Time
	age   time.Duration // in system time
}

// loadOpen reads all open alerts at once. One is looked at once in a watch, so they need no upkeep.
func (w *watch) loadOpen(ctx context.Context) error {
	w.open = map[[2]string]openAlert{}
	rows, err := w.tx.Query(ctx, "select name, subject, state, since, clock_timestamp() - system_since from lab.alerts where state <> 'resolved'")
	if err != nil {
		return err
	}
	var name, about string
	var o openAlert
	_, err = pgx.ForEachRow(rows, []any{&name, &about, &o.state, &o.since, &o.age}, func() error {
		w.open[[2]string{name, about}] = o
		return nil
	})
	return err
}

func (w *watch) announce(ctx context.Context, a alert, state string, since time.Time) error {
	payload, err := json.Marshal(map[string]any{"name": a.Name, "subject": a.Subject, "severity": a.Severity, "expression": a.Expression, "state": state,
		"value": finite(a.Value), "since": since.UTC(), "at": w.at.UTC(), "window_from": a.From.UTC(), "window_until": a.Until.UTC(), "detail": a.Detail})
	if err != nil {
		return err
	}
	h, _ := json.Marshal(headers{hashUUID("alert", a.Name, a.Subject, state, since.UTC().Format(time.RFC3339)), "alert.changed", 1, w.at}) // texts and a time
	_, err = w.lab.db.Topic(topicAlerts).PublishTx(ctx, w.tx, howdah.Event{Key: a.Name, Payload: payload, Headers: h, EventTime: w.at})
	return err
}

func alertFiring(ctx context.Context, tx pgx.Tx, name, subject string) (firing bool, err error) {
	err = tx.QueryRow(ctx, "select exists (select from lab.alerts where name = $1 and subject = $2 and state = 'firing')", name, subject).Scan(&firing)
	return firing, err
}

// Alerts lists alerts that fire or fired, oldest first; open leaves out those that are resolved.
func (l *Lab) Alerts(ctx context.Context, open bool) ([]Alert, error) {
	rows, err := l.db.Pool().Query(ctx, `select name, subject, severity, expression, state, value, since, fired_at, resolved_at, window_from, window_until, detail
		from lab.alerts where fired_at is not null and (state <> 'resolved' or not $1) order by fired_at, name, subject`, open)
	if err != nil {
		return nil, fmt.Errorf("list alerts: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Alert])
	for i := range all {
		for _, t := range []*time.Time{&all[i].Since, all[i].FiredAt, all[i].ResolvedAt, all[i].WindowFrom, all[i].WindowUntil} {
			if t != nil {
				*t = t.UTC()
			}
		}
	}
	return all, err
}
