package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

type publishInput struct {
	Topic       string `path:"topic" doc:"The topic's name."`
	ContentType string `header:"Content-Type"`
	Payloads    bool   `query:"payloads" doc:"The body holds bare payloads instead of envelopes."`
	KeyField    string `query:"key_field" doc:"With payloads: the field that becomes the key."`
	RawBody     []byte `contentType:"application/octet-stream"`
}

type published struct {
	Events   int   `json:"events" doc:"How many were stored. They are durable."`
	Position int64 `json:"position" doc:"An id at or above those of the stored events."`
}

func (a *api) publishRoutes() {
	op := a.op(http.MethodPost, "/v1/topics/{topic}/events", "publish", "Publish events, all or none", "topics")
	op.MaxBodyBytes = a.MaxBodyBytes
	op.DefaultStatus = http.StatusCreated
	op.Description = "The body is one event, an array of events, or one event on each line (NDJSON). " +
		"The answer means that they are durable. Requests that arrive together are written together."
	huma.Register(a.huma, op, func(ctx context.Context, in *publishInput) (*answer[published], error) {
		if in.KeyField != "" && !in.Payloads {
			return nil, invalid("key_field without payloads=true", "An envelope has a key of its own.")
		}
		events, err := parser{payloads: in.Payloads, keyField: in.KeyField}.parse(in.RawBody, in.ContentType)
		if err != nil {
			return nil, err
		}
		position, err := a.publish.submit(ctx, in.Topic, events)
		if err != nil {
			return nil, a.fail(ctx, err)
		}
		return &answer[published]{published{len(events), position}}, nil
	})
	// Huma would validate the body against a schema known before; it is described now, and parsed above.
	one := a.huma.OpenAPI().Components.Schemas.Schema(typeOf[newEvent](), true, "NewEvent")
	content := a.huma.OpenAPI().Paths[op.Path].Post.RequestBody
	content.Content = map[string]*huma.MediaType{
		"application/json":     {Schema: &huma.Schema{OneOf: []*huma.Schema{one, {Type: "array", Items: one}}}},
		"application/x-ndjson": {Schema: one},
	}
}
