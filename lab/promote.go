package lab

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah/lab/metric"
)

// judgeTrials compares every version in shadow with the champion on the same facts, as far as labels have matured. One
// that wins takes over; one that clearly does not, or has been tried for long, ends its trial.
func (l *Lab) judgeTrials(ctx context.Context, tx pgx.Tx, at time.Time) error {
	champion, err := l.champion(ctx, tx, at)
	if err != nil || champion == nil {
		return err
	}
	trials, err := l.trials(ctx, tx, at)
	if err != nil {
		return err
	}
	p := l.scenario.Policy()
	for i := len(trials) - 1; i >= 0; i-- { // the newest first: a winner ends the others' trials sooner
		t := trials[i]
		began, err := l.trialBegan(ctx, tx, t)
		if err != nil {
			return err
		}
		if at.Sub(began) < p.Promote.Shadow {
			continue
		}
		g, lost, err := l.compare(ctx, tx, at, began, champion.Version, t.Version)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "update lab.versions set tags = tags || jsonb_build_object('last_comparison', $3::text) where model = $1 and version = $2",
			t.Model, t.Version, summary(at, g)); err != nil {
			return err
		}
		move := AliasMove{Model: t.Model, Alias: t.Alias, Version: t.Version, From: at, By: "promote", Reason: summary(at, g)}
		switch {
		case g.Passed:
			if err := l.endAlias(ctx, tx, move); err != nil {
				return err
			}
			move.Alias = Champion
			if err := l.moveAlias(ctx, tx, move); err != nil {
				return err
			}
			return nil // the others are compared with the new champion from tomorrow on
		case lost || at.Sub(began) >= p.Promote.GiveUp:
			if err := l.endAlias(ctx, tx, move); err != nil {
				return err
			}
		}
	}
	return nil
}

// trialBegan is when a version began to score silently, under whatever alias.
func (l *Lab) trialBegan(ctx context.Context, tx pgx.Tx, t AliasMove) (at time.Time, err error) {
	err = tx.QueryRow(ctx, "select min(from_time) from lab.aliases where model = $1 and version = $2 and alias in ('challenger', 'shadow')", t.Model, t.Version).Scan(&at)
	return at.UTC(), err
}

// compare puts a version to the gate for champions. lost: there is enough to go by, and it is not the better one.
func (l *Lab) compare(ctx context.Context, tx pgx.Tx, at, began time.Time, champion, version int) (g GateResult, lost bool, err error) {
	p := l.scenario.Policy()
	from, until := began, at.Add(-p.Horizon)
	if earliest := until.Add(-28 * 24 * time.Hour); from.Before(earliest) {
		from = earliest
	}
	all, err := l.scoredIn(ctx, tx, at, from, until)
	if err != nil {
		return g, false, err
	}
	var old, new *scored
	for _, s := range all {
		switch {
		case s.model != l.shape.Model:
		case s.version == champion:
			old = s
		case s.version == version:
			new = s
		}
	}
	if old == nil || new == nil {
		g.add("matured positives", false, 0, "at least %d", p.Promote.MinPositives)
		return g, false, nil
	}
	a, b, truth, volumeOld, volumeNew := paired(old, new)
	if l.shape.Target == Amount {
		g.add("matured amounts", len(truth) >= p.Promote.MinPositives, float64(len(truth)), "at least %d", p.Promote.MinPositives)
		if !g.Passed {
			return g, false, nil
		}
		c := metric.PairedError(a, b, truth, p.Promote.Samples, l.info.Seed)
		g.addBetter("the error is less", c, p.Promote.MinPBetter)
		return g, c.PBetter < 0.5, nil
	}
	positive, n := positives(truth)
	g.add("matured positives", n >= p.Promote.MinPositives, float64(n), "at least %d", p.Promote.MinPositives)
	if !g.Passed {
		return g, false, nil
	}
	c := metric.PairedAUC(a, b, positive, p.Promote.Samples, l.info.Seed)
	g.addBetter("AUC is higher", c, p.Promote.MinPBetter)
	loss := metric.AveragePrecision(a, positive) - metric.AveragePrecision(b, positive)
	g.add("loss of average precision", loss <= p.Promote.MaxAPLoss, loss, "at most %.2f", p.Promote.MaxAPLoss)
	volume := math.Abs(volumeNew/math.Max(volumeOld, 1) - 1)
	g.add("change of the alert volume", volume <= p.Promote.MaxVolume, volume, "at most %.2f", p.Promote.MaxVolume)
	return g, c.PBetter < 0.5, nil
}

func (g *GateResult) addBetter(what string, c metric.Comparison, limit float64) {
	g.add(fmt.Sprintf("P(%s), by %.3f (%.3f to %.3f)", what, c.Delta, c.Low, c.High), c.PBetter >= limit, c.PBetter, "at least %.2f", limit)
}

// paired are the answers of two versions about the same facts.
func paired(old, new *scored) (a, b, truth []float64, volumeOld, volumeNew float64) {
	for i, j := 0, 0; i < len(old.facts) && j < len(new.facts); {
		switch {
		case old.facts[i] < new.facts[j]:
			i++
		case old.facts[i] > new.facts[j]:
			j++
		default:
			a, b, truth = append(a, old.scores[i]), append(b, new.scores[j]), append(truth, old.truth[i])
			volumeOld += float64(bit(old.acts[i]))
			volumeNew += float64(bit(new.acts[j]))
			i++
			j++
		}
	}
	return a, b, truth, volumeOld, volumeNew
}

// summary says in one line what a gate said.
func summary(at time.Time, g GateResult) string {
	s := at.UTC().Format(time.DateOnly) + ":"
	for _, c := range g.Checks {
		verdict := "yes"
		if !c.Passed {
			verdict = "no"
		}
		s += fmt.Sprintf(" %s %.3f (%s: %s);", c.Name, c.Value, c.Limit, verdict)
	}
	return s
}
