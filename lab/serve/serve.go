// Package serve adds the lab's operations to the HTTP API: predictions, the registry, datasets, the lab's status.
package serve

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/howdah/howdah/lab"
)

// Open gives the lab of the database that is served; an error says that there is none.
type Open func(ctx context.Context) (*lab.Lab, error)

// Fail turns an error into an answer.
type Fail func(ctx context.Context, err error) error

type answer[T any] struct{ Body T }

type routes struct {
	open Open
	fail Fail
}

// Register adds the operations to an API.
func Register(api huma.API, open Open, fail Fail) {
	r := &routes{open, fail}
	op := func(method, path, id, summary string) huma.Operation {
		return huma.Operation{Method: method, Path: path, OperationID: id, Summary: summary, Tags: []string{"lab"}, MaxBodyBytes: 16 << 20}
	}
	r.acts(api, op)
	huma.Register(api, op(http.MethodPost, "/v1/models/{name}/predict", "predict", "Ask a model: features are joined by key on the server, every answer is logged"), r.predict)
	huma.Register(api, op(http.MethodGet, "/v1/models", "list-models", "List model versions with metrics, gate, aliases and lineage"), func(ctx context.Context, _ *struct{}) (*answer[[]lab.Version], error) {
		return with(ctx, r, func(l *lab.Lab) ([]lab.Version, error) { return l.Versions(ctx, "") })
	})
	huma.Register(api, op(http.MethodGet, "/v1/models/{name}/aliases", "list-aliases", "List every move of a model's aliases: what was live at any time"), func(ctx context.Context, in *struct {
		Name string `path:"name"`
	}) (*answer[[]lab.AliasMove], error) {
		return with(ctx, r, func(l *lab.Lab) ([]lab.AliasMove, error) { return l.History(ctx, in.Name) })
	})
	post := op(http.MethodPost, "/v1/models/{name}/versions", "register-version", "Register a model that was trained elsewhere; it is measured on its dataset's test rows")
	post.DefaultStatus = http.StatusCreated
	huma.Register(api, post, func(ctx context.Context, in *struct {
		Name string `path:"name" pattern:"^[a-z][a-z0-9_.-]{0,62}$"`
		Body lab.ExternalVersion
	}) (*answer[*lab.Version], error) {
		return with(ctx, r, func(l *lab.Lab) (*lab.Version, error) { return l.RegisterExternal(ctx, in.Name, in.Body) })
	})
	huma.Register(api, op(http.MethodGet, "/v1/datasets", "list-datasets", "List datasets with their manifests"), func(ctx context.Context, _ *struct{}) (*answer[[]lab.DatasetInfo], error) {
		return with(ctx, r, func(l *lab.Lab) ([]lab.DatasetInfo, error) { return l.Datasets(ctx) })
	})
	huma.Register(api, op(http.MethodGet, "/v1/lab", "lab-status", "The lab at a glance: scenario day, pipelines, models, alerts"), func(ctx context.Context, _ *struct{}) (*answer[*lab.Status], error) {
		return with(ctx, r, func(l *lab.Lab) (*lab.Status, error) { return l.Status(ctx) })
	})
	huma.Register(api, op(http.MethodGet, "/v1/predictions/{id}", "explain", "Where a prediction comes from: version, dataset, features, source event, enrichment"), func(ctx context.Context, in *struct {
		ID string `path:"id"`
	}) (*answer[*lab.Explanation], error) {
		return with(ctx, r, func(l *lab.Lab) (*lab.Explanation, error) { return l.Explain(ctx, in.ID) })
	})
}

func with[T any](ctx context.Context, r *routes, f func(*lab.Lab) (T, error)) (*answer[T], error) {
	l, err := r.open(ctx)
	if err != nil {
		return nil, r.fail(ctx, err)
	}
	body, err := f(l)
	if err != nil {
		return nil, r.fail(ctx, err)
	}
	return &answer[T]{body}, nil
}

type predictInput struct {
	Name  string `path:"name" doc:"the registered model, such as fraud"`
	Alias string `query:"alias" doc:"ask the version behind this alias; nobody acts on its answer"`
	Body  struct {
		Instances []json.RawMessage `json:"instances" doc:"for the scenario payments: customer_id, merchant_id, amount_cents, channel, occurred_at"`
	}
}

type predictions struct {
	Predictions []lab.Answer `json:"predictions"`
}

func (r *routes) predict(ctx context.Context, in *predictInput) (*answer[predictions], error) {
	return with(ctx, r, func(l *lab.Lab) (predictions, error) {
		out, err := l.Predict(ctx, in.Name, in.Alias, in.Body.Instances)
		return predictions{out}, err
	})
}
