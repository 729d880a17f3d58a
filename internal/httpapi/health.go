package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/howdah/howdah"
)

type health struct {
	Status   string `json:"status" enum:"ok"`
	Version  string `json:"version"`
	Postgres string `json:"postgres"`
	Pooler   bool   `json:"pooler" doc:"A connection pooler was found: workers poll."`
}

type checked struct {
	Problems []howdah.Problem `json:"problems" doc:"None: all is well."`
}

func (a *api) healthRoutes(mux *http.ServeMux) {
	huma.Register(a.huma, a.op(http.MethodGet, "/healthz", "health", "Whether the server and its database answer", "server"),
		func(ctx context.Context, _ *none) (*answer[health], error) {
			ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			version, err := a.DB.Ping(ctx)
			if err != nil {
				return nil, &problem{Code: "unavailable", ErrorModel: huma.ErrorModel{Status: http.StatusServiceUnavailable,
					Title: http.StatusText(http.StatusServiceUnavailable), Detail: "the database does not answer"}}
			}
			return &answer[health]{health{"ok", a.Version, version, a.DB.Pooler()}}, nil
		})
	huma.Register(a.huma, a.op(http.MethodGet, "/v1/check", "check", "Prove the invariants of every consumer; reads all of their state", "server"),
		func(ctx context.Context, _ *none) (*answer[checked], error) {
			problems, err := a.DB.Check(ctx)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			return &answer[checked]{checked{notNil(problems)}}, nil
		})
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.metrics.registry, promhttp.HandlerOpts{}))
	op := a.op(http.MethodGet, "/metrics", "metrics", "Figures for Prometheus", "server")
	op.Responses = map[string]*huma.Response{"200": {Description: "Prometheus text format.",
		Content: map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: "string"}}}}}
	a.huma.OpenAPI().AddOperation(&op)
}
