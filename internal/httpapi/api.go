package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"path"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/howdah/howdah"
)

// Config of an API.
type Config struct {
	DB           *howdah.DB
	Log          *slog.Logger
	Version      string
	MaxBodyBytes int64         // of a publish request; 0: 32 MiB
	Idle         time.Duration // an object's body of which nothing arrives for so long is given up
	// Extend adds operations of a program that embeds the server. fail makes an answer of an error, as for all others.
	Extend   func(api huma.API, fail func(context.Context, error) error)
	Stopping <-chan struct{} // closed when the server stops: waiting claims and tails end
}

type api struct {
	Config
	huma    huma.API
	publish *publisher
	metrics *metrics
}

// smallBody limits requests other than publish; an ack may name a few hundred thousand ids.
const smallBody = 4 << 20

// New makes the handler of the whole API. It does not check who asks.
func New(c Config) http.Handler {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.MaxBodyBytes <= 0 {
		c.MaxBodyBytes = 32 << 20
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	mux := http.NewServeMux()
	h := huma.DefaultConfig("Howdah", c.Version)
	h.Info.Description = "A durable event log on PostgreSQL: topics, consumers, claims."
	h.DocsPath, h.SchemasPath = "", "" // the page would load its program from the internet
	h.CreateHooks = nil                // no $schema in answers
	h.RejectUnknownQueryParameters = true
	h.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	h.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "Required where the server listens beyond loopback."},
	}
	h.Security = []map[string][]string{{}, {"token": {}}}
	a := &api{Config: c, huma: humago.New(mux, h), metrics: newMetrics(c.DB)}
	a.publish = newPublisher(c.DB, a.metrics)
	a.topicRoutes()
	a.collectionRoutes()
	a.documentRoutes()
	a.lookRoutes()
	a.publishRoutes()
	a.tailRoutes(mux)
	a.consumerRoutes()
	a.bucketRoutes()
	a.objectRoutes()
	a.claimRoutes()
	a.healthRoutes(mux)
	if c.Extend != nil {
		c.Extend(a.huma, a.fail)
	}
	a.describeErrors()
	return a.objectLinks(unknown(mux))
}

func (a *api) op(method, path, id, summary string, tag string) huma.Operation {
	return huma.Operation{Method: method, Path: path, OperationID: id, Summary: summary, Tags: []string{tag},
		MaxBodyBytes: smallBody, BodyReadTimeout: 30 * time.Second}
}

// schemaName names a type in the description of the API: types that the stores call by one name are told apart.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if prefix := map[string]string{"docs": "Collection", "objects": "Object"}[path.Base(t.PkgPath())]; prefix != "" && name == "Info" {
		return prefix + name
	}
	return name
}

// answer is the output of an operation with a JSON body.
type answer[T any] struct{ Body T }

// seconds makes a duration of a JSON number.
func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
