package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/lab/model"
)

// The aliases.
const (
	Champion   = "champion"   // acts
	Challenger = "challenger" // scores silently, and may become champion
	Shadow     = "shadow"     // scores silently; several versions may
	Canary     = "canary"     // acts for a share of the entities
)

// Version is a registered model version.
type Version struct {
	Model       string            `json:"model"`
	Version     int               `json:"version"`
	Kind        string            `json:"kind"`
	View        string            `json:"feature_view"`
	Dataset     *int              `json:"dataset"`
	CreatedAt   time.Time         `json:"created_at"` // scenario time
	Triggers    []string          `json:"triggers"`
	Metrics     map[string]any    `json:"metrics"`
	Gate        GateResult        `json:"gate"`
	Tags        map[string]string `json:"tags"`
	Signature   Signature         `json:"signature"`
	CodeVersion string            `json:"code_version"`
	Artefact    string            `json:"artefact"`
	Threshold   *float64          `json:"threshold"`
	Aliases     []string          `json:"aliases"` // now
	Stage       string            `json:"deployment_stage"`
}

// Signature says what a model reads and answers.
type Signature struct {
	Inputs []string `json:"inputs"`
	Output string   `json:"output"`
}

// GateResult is what a gate said, with its reasons.
type GateResult struct {
	Passed bool    `json:"passed"`
	Checks []Check `json:"checks"`
}

// Check is one condition of a gate.
type Check struct {
	Name   string  `json:"name"`
	Passed bool    `json:"passed"`
	Value  float64 `json:"value"`
	Limit  string  `json:"limit"`
}

func (g *GateResult) add(name string, passed bool, value float64, limit string, args ...any) {
	g.Checks = append(g.Checks, Check{name, passed, finite(value), fmt.Sprintf(limit, args...)})
	g.Passed = !slices.ContainsFunc(g.Checks, func(c Check) bool { return !c.Passed })
}

// AliasMove is one line of an alias's history.
type AliasMove struct {
	Model   string     `json:"model"`
	Alias   string     `json:"alias"`
	Version int        `json:"version"`
	Share   *float64   `json:"share,omitempty"`
	From    time.Time  `json:"from"`
	Until   *time.Time `json:"until"`
	By      string     `json:"by"`
	Reason  string     `json:"reason"`
}

// register stores a version with the next number.
func (l *Lab) register(ctx context.Context, tx pgx.Tx, v *Version, artefact []byte) error {
	if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock($1, hashtext($2))", setupLock, v.Model); err != nil {
		return err
	}
	if err := tx.QueryRow(ctx, "select coalesce(max(version), 0) + 1 from lab.versions where model = $1", v.Model).Scan(&v.Version); err != nil {
		return err
	}
	var key any
	if v.Artefact != "" {
		key = v.Artefact
	}
	if artefact != nil {
		v.Artefact = fmt.Sprintf("%s/%d/model.json", v.Model, v.Version)
		if err := l.putObject(ctx, tx, bucketModels, v.Artefact, "application/json", artefact); err != nil {
			return err
		}
		key = v.Artefact
	}
	_, err := tx.Exec(ctx, `insert into lab.versions (model, version, kind, feature_view, dataset, created_at, triggers, metrics, gate, tags, signature, code_version, artefact, threshold)
		values ($1, $2, $3, $4, $5, $6, coalesce($7::text[], '{}'), $8, $9, coalesce($10::jsonb, '{}'), $11, $12, $13, $14)`,
		v.Model, v.Version, v.Kind, v.View, v.Dataset, v.CreatedAt, v.Triggers, v.Metrics, v.Gate, v.Tags, v.Signature, v.CodeVersion, key, v.Threshold)
	if err != nil {
		return fmt.Errorf("register %s version %d: %w", v.Model, v.Version, err)
	}
	return nil
}

// moveAlias makes an alias mean a version from an instant of scenario time on. Version 0 takes the alias away.
func (l *Lab) moveAlias(ctx context.Context, tx pgx.Tx, m AliasMove) error {
	if !slices.Contains([]string{Champion, Challenger, Shadow, Canary}, m.Alias) {
		return fmt.Errorf("alias %q: %w; there are champion, challenger, shadow, canary", m.Alias, howdah.ErrInvalid)
	}
	if m.Version != 0 {
		var there bool
		if err := tx.QueryRow(ctx, "select exists (select from lab.versions where model = $1 and version = $2)", m.Model, m.Version).Scan(&there); err != nil {
			return err
		}
		if !there {
			return fmt.Errorf("model %s has no version %d: %w; `select version from lab.versions` lists them", m.Model, m.Version, howdah.ErrNotFound)
		}
	}
	end := "update lab.aliases set until_time = greatest($3, from_time) where model = $1 and alias = $2 and until_time is null"
	args := []any{m.Model, m.Alias, m.From}
	if m.Alias == Shadow && m.Version != 0 {
		end, args = end+" and version = $4", append(args, m.Version)
	}
	if _, err := tx.Exec(ctx, end, args...); err != nil {
		return err
	}
	if m.Version != 0 {
		if _, err := tx.Exec(ctx, "insert into lab.aliases (model, alias, version, share, from_time, moved_by, reason) values ($1, $2, $3, $4, $5, $6, $7)",
			m.Model, m.Alias, m.Version, m.Share, m.From, m.By, m.Reason); err != nil {
			return fmt.Errorf("move alias %s of %s to version %d: %w", m.Alias, m.Model, m.Version, err)
		}
	}
	return l.announceAlias(ctx, tx, m)
}

// endAlias takes an alias from one version.
func (l *Lab) endAlias(ctx context.Context, tx pgx.Tx, m AliasMove) error {
	if _, err := tx.Exec(ctx, "update lab.aliases set until_time = greatest($4, from_time) where model = $1 and alias = $2 and version = $3 and until_time is null",
		m.Model, m.Alias, m.Version, m.From); err != nil {
		return err
	}
	m.Until = &m.From
	return l.announceAlias(ctx, tx, m)
}

func (l *Lab) announceAlias(ctx context.Context, tx pgx.Tx, m AliasMove) error {
	payload, err := json.Marshal(m)
	if err != nil {
		return err
	}
	h, _ := json.Marshal(headers{hashUUID("alias", string(payload)), "alias.moved", 1, m.From}) // texts and a time
	_, err = l.db.Topic(topicModels).PublishTx(ctx, tx, howdah.Event{Key: m.Model, Payload: payload, Headers: h, EventTime: m.From})
	return err
}

const aliasColumns = "select model, alias, version, share, from_time, until_time, moved_by, reason from lab.aliases"

// aliasesAt is what every alias of a model meant at an instant.
func aliasesAt(ctx context.Context, q querier, name string, at time.Time) ([]AliasMove, error) {
	rows, err := q.Query(ctx, aliasColumns+` where model = $1 and from_time <= $2 and (until_time is null or until_time > $2) order by id`, name, at)
	return collectAliases(rows, err)
}

// History is every move of a model's aliases, oldest first.
func (l *Lab) History(ctx context.Context, name string) ([]AliasMove, error) {
	rows, err := l.db.Pool().Query(ctx, aliasColumns+" where model = $1 order by id", name)
	return collectAliases(rows, err)
}

func collectAliases(rows pgx.Rows, err error) ([]AliasMove, error) {
	if err != nil {
		return nil, fmt.Errorf("read aliases: %w", err)
	}
	moves, err := pgx.CollectRows(rows, pgx.RowToStructByPos[AliasMove])
	for i := range moves {
		moves[i].From = moves[i].From.UTC()
		if moves[i].Until != nil {
			u := moves[i].Until.UTC()
			moves[i].Until = &u
		}
	}
	return moves, err
}

// Versions lists a model's versions; an empty name lists all models'.
func (l *Lab) Versions(ctx context.Context, name string) ([]Version, error) {
	return versions(ctx, l.db.Pool(), name)
}

func versions(ctx context.Context, q querier, name string) ([]Version, error) {
	rows, err := q.Query(ctx, `select v.model, v.version, v.kind, v.feature_view, v.dataset, v.created_at, v.triggers, v.metrics, v.gate, v.tags, v.signature, v.code_version,
			coalesce(v.artefact, ''), v.threshold,
			array(select alias from lab.aliases a where a.model = v.model and a.version = v.version and a.until_time is null order by id), s.deployment_stage
		from lab.versions v join lab.stages s using (model, version) where $1 in ('', model) order by model, version`, name)
	if err != nil {
		return nil, fmt.Errorf("list versions: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Version])
	for i := range all {
		all[i].CreatedAt = all[i].CreatedAt.UTC()
	}
	return all, err
}

// loadModel reads a version's artefact; nil: it can only be registered, not run here.
func (l *Lab) loadModel(ctx context.Context, name string, version int) (*model.Model, error) {
	var kind string
	var key *string
	err := l.db.Pool().QueryRow(ctx, "select kind, artefact from lab.versions where model = $1 and version = $2", name, version).Scan(&kind, &key)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("model %s has no version %d: %w", name, version, howdah.ErrNotFound)
	}
	if err != nil || key == nil || kind == model.External {
		return nil, err
	}
	text, err := l.getObject(ctx, bucketModels, *key)
	if err != nil {
		return nil, err
	}
	return model.Load(text, l.scenario.View())
}

// Move moves an alias by hand, from the scenario time that has arrived on.
func (l *Lab) Move(ctx context.Context, name, alias string, version int, share *float64, by, reason string) error {
	return pgx.BeginFunc(ctx, l.db.Pool(), func(tx pgx.Tx) error {
		at, err := l.arrived(ctx, tx)
		if err != nil {
			return err
		}
		if alias == Canary && version != 0 && (share == nil || !(*share > 0 && *share <= 1)) {
			return fmt.Errorf("a canary needs a share above 0, up to 1: %w", howdah.ErrInvalid)
		}
		return l.moveAlias(ctx, tx, AliasMove{Model: name, Alias: alias, Version: version, Share: share, From: at, By: by, Reason: reason})
	})
}

// Rollback gives champion back to the version that had it before, and returns that version.
func (l *Lab) Rollback(ctx context.Context, name, by, reason string) (version int, err error) {
	err = pgx.BeginFunc(ctx, l.db.Pool(), func(tx pgx.Tx) error {
		at, err := l.arrived(ctx, tx)
		if err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `select version from lab.aliases where model = $1 and alias = 'champion' and version is distinct from
			(select version from lab.aliases where model = $1 and alias = 'champion' and until_time is null) order by id desc limit 1`, name).Scan(&version)
		if errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("model %s has had no other champion to go back to: %w", name, howdah.ErrNotFound)
		}
		if err != nil {
			return err
		}
		return l.moveAlias(ctx, tx, AliasMove{Model: name, Alias: Champion, Version: version, From: at, By: by, Reason: reason})
	})
	return version, err
}

// arrived is the scenario time up to which events have been published. What somebody does by hand holds from then on.
func (l *Lab) arrived(ctx context.Context, tx pgx.Tx) (at time.Time, err error) {
	err = tx.QueryRow(ctx, "select arrived_until from lab.settings for update").Scan(&at)
	return at.UTC(), err
}
