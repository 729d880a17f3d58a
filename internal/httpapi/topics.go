package httpapi

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/howdah/howdah"
)

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

type none struct{}

// TopicPath names a topic in a path. Types that are embedded in inputs are exported, or they would not be filled in.
type TopicPath struct {
	Topic string `path:"topic" doc:"The topic's name."`
}

type newTopic struct {
	Body struct {
		Topic            string  `json:"topic" doc:"The name: [a-z][a-z0-9_.-]{0,62}."`
		Partitions       int     `json:"partitions,omitempty" doc:"For ordered consumers that run in parallel; default 1."`
		RetentionSeconds float64 `json:"retention_seconds,omitempty" doc:"Default: keep for ever."`
		Format           string  `json:"format,omitempty" enum:"json,bytes" doc:"Default json."`
	}
}

type topicList struct {
	Topics []howdah.TopicInfo `json:"topics"`
}

type readInput struct {
	TopicPath
	After int64 `query:"after" doc:"Only events with a higher id."`
	Limit int   `query:"limit" default:"100" minimum:"1" maximum:"10000"`
}

type eventPage struct {
	Events []event `json:"events"`
	After  int64   `json:"after" doc:"Ask with this for the next page."`
}

func (a *api) topicRoutes() {
	huma.Register(a.huma, a.op(http.MethodGet, "/v1/topics", "list-topics", "List topics", "topics"),
		func(ctx context.Context, _ *none) (*answer[topicList], error) {
			all, err := a.DB.Topics(ctx)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			return &answer[topicList]{topicList{notNil(all)}}, nil
		})
	huma.Register(a.huma, a.op(http.MethodGet, "/v1/topics/{topic}", "get-topic", "Describe a topic", "topics"),
		func(ctx context.Context, in *TopicPath) (*answer[howdah.TopicInfo], error) {
			info, err := a.DB.Topic(in.Topic).Info(ctx)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			return &answer[howdah.TopicInfo]{info}, nil
		})
	create := a.op(http.MethodPost, "/v1/topics", "create-topic", "Create a topic; the same again is no error", "topics")
	create.DefaultStatus = http.StatusCreated
	huma.Register(a.huma, create, func(ctx context.Context, in *newTopic) (*answer[howdah.TopicInfo], error) {
		var options []howdah.TopicOption
		if in.Body.Partitions != 0 {
			options = append(options, howdah.Partitions(in.Body.Partitions))
		}
		if in.Body.RetentionSeconds != 0 {
			options = append(options, howdah.Retention(seconds(in.Body.RetentionSeconds)))
		}
		if in.Body.Format == "bytes" {
			options = append(options, howdah.Bytes())
		}
		t, err := a.DB.CreateTopic(ctx, in.Body.Topic, options...)
		if err != nil {
			return nil, a.fail(ctx, err)
		}
		info, err := t.Info(ctx)
		if err != nil {
			return nil, a.fail(ctx, err)
		}
		return &answer[howdah.TopicInfo]{info}, nil
	})
	huma.Register(a.huma, a.op(http.MethodDelete, "/v1/topics/{topic}", "drop-topic",
		"Drop a topic and its events; its consumers have to be dropped first", "topics"),
		func(ctx context.Context, in *TopicPath) (*none, error) {
			return nil, a.fail(ctx, a.DB.DropTopic(ctx, in.Topic))
		})
	huma.Register(a.huma, a.op(http.MethodGet, "/v1/topics/{topic}/events", "read-events",
		"Read settled events without a consumer", "topics"),
		func(ctx context.Context, in *readInput) (*answer[eventPage], error) {
			t := a.DB.Topic(in.Topic)
			raw, err := a.raw(ctx, in.Topic)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			events, err := t.Read(ctx, in.After, in.Limit)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			page := eventPage{Events: handOut(events, raw), After: in.After}
			if n := len(events); n > 0 {
				page.After = events[n-1].ID
			}
			return &answer[eventPage]{page}, nil
		})
}

// raw says whether a topic's payloads are bytes that need base64.
func (a *api) raw(ctx context.Context, topic string) (bool, error) {
	format, err := a.DB.Topic(topic).Format(ctx)
	return format == "bytes", err
}

func notNil[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}
