package httpapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/howdah/howdah"
)

// ConsumerPath names a consumer in a path.
type ConsumerPath struct {
	Consumer string `path:"consumer" doc:"The consumer's name."`
}

type newConsumer struct {
	Body struct {
		Consumer     string  `json:"consumer" doc:"The name: [a-z][a-z0-9_.-]{0,62}."`
		Topic        string  `json:"topic"`
		Start        string  `json:"start,omitempty" doc:"earliest (default), latest, an id, or a time with its zone."`
		LeaseSeconds float64 `json:"lease_seconds,omitempty" doc:"How long a worker may be silent; default 30."`
		MaxAttempts  int     `json:"max_attempts,omitempty" doc:"Failures before an event is a dead letter; default 5."`
		Ordered      bool    `json:"ordered,omitempty" doc:"One claim after another in each partition."`
	}
}

type consumerList struct {
	Consumers []howdah.ConsumerInfo `json:"consumers"`
}

type deadLetter struct {
	howdah.DeadLetter
	Payload       json.RawMessage `json:"payload,omitempty"`
	PayloadBase64 string          `json:"payload_base64,omitempty"`
}

type deadLetters struct {
	DeadLetters []deadLetter `json:"dead_letters"`
}

type deadInput struct {
	ConsumerPath
	After int64 `query:"after" doc:"Only events with a higher id."`
	Limit int   `query:"limit" default:"100" minimum:"1" maximum:"10000"`
}

type seekInput struct {
	ConsumerPath
	Body struct {
		Target string `json:"target" doc:"earliest, latest, an id, or a time with its zone."`
	}
}

type replayInput struct {
	ConsumerPath
	Body struct {
		FromID  int64 `json:"from_id"`
		UntilID int64 `json:"until_id" doc:"Included."`
	}
}

type redriveInput struct {
	ConsumerPath
	Body *struct {
		IDs []int64 `json:"ids,omitempty" doc:"Which dead letters; none: all."`
	}
}

type count struct {
	Events int64 `json:"events"`
}

func (a *api) consumerRoutes() {
	huma.Register(a.huma, a.op(http.MethodGet, "/v1/consumers", "list-consumers", "List consumers and how far they are", "consumers"),
		func(ctx context.Context, _ *none) (*answer[consumerList], error) {
			all, err := a.DB.Consumers(ctx)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			return &answer[consumerList]{consumerList{notNil(all)}}, nil
		})
	huma.Register(a.huma, a.op(http.MethodGet, "/v1/consumers/{consumer}", "get-consumer", "Describe a consumer", "consumers"), a.consumer)
	create := a.op(http.MethodPost, "/v1/consumers", "create-consumer", "Create a consumer; the same again is no error", "consumers")
	create.DefaultStatus = http.StatusCreated
	huma.Register(a.huma, create, func(ctx context.Context, in *newConsumer) (*answer[howdah.ConsumerInfo], error) {
		b := in.Body
		var options []howdah.ConsumerOption
		if b.Start != "" {
			options = append(options, howdah.From(b.Start))
		}
		if b.LeaseSeconds != 0 {
			options = append(options, howdah.Lease(seconds(b.LeaseSeconds)))
		}
		if b.MaxAttempts != 0 {
			options = append(options, howdah.MaxAttempts(b.MaxAttempts))
		}
		if b.Ordered {
			options = append(options, howdah.Ordered())
		}
		if _, err := a.DB.CreateConsumer(ctx, b.Consumer, b.Topic, options...); err != nil {
			return nil, a.fail(ctx, err)
		}
		return a.consumer(ctx, &ConsumerPath{b.Consumer})
	})
	huma.Register(a.huma, a.op(http.MethodDelete, "/v1/consumers/{consumer}", "drop-consumer", "Forget a consumer; the events stay", "consumers"),
		func(ctx context.Context, in *ConsumerPath) (*none, error) {
			return nil, a.fail(ctx, a.DB.DropConsumer(ctx, in.Consumer))
		})
	huma.Register(a.huma, a.op(http.MethodPost, "/v1/consumers/{consumer}/seek", "seek", "Move a consumer; what is open or pending ends", "consumers"),
		func(ctx context.Context, in *seekInput) (*answer[howdah.ConsumerInfo], error) {
			return a.change(ctx, in.Consumer, a.DB.Consumer(in.Consumer).Seek(ctx, in.Body.Target))
		})
	huma.Register(a.huma, a.op(http.MethodPost, "/v1/consumers/{consumer}/replay", "replay", "Deliver a range again; the position stays", "consumers"),
		func(ctx context.Context, in *replayInput) (*answer[howdah.ConsumerInfo], error) {
			return a.change(ctx, in.Consumer, a.DB.Consumer(in.Consumer).Replay(ctx, in.Body.FromID, in.Body.UntilID))
		})
	huma.Register(a.huma, a.op(http.MethodPost, "/v1/consumers/{consumer}/pause", "pause", "Hand out nothing until resumed", "consumers"),
		func(ctx context.Context, in *ConsumerPath) (*answer[howdah.ConsumerInfo], error) {
			return a.change(ctx, in.Consumer, a.DB.Consumer(in.Consumer).Pause(ctx))
		})
	huma.Register(a.huma, a.op(http.MethodPost, "/v1/consumers/{consumer}/resume", "resume", "Undo pause", "consumers"),
		func(ctx context.Context, in *ConsumerPath) (*answer[howdah.ConsumerInfo], error) {
			return a.change(ctx, in.Consumer, a.DB.Consumer(in.Consumer).Resume(ctx))
		})
	huma.Register(a.huma, a.op(http.MethodPost, "/v1/consumers/{consumer}/redrive", "redrive", "Send dead letters round again", "consumers"),
		func(ctx context.Context, in *redriveInput) (*answer[count], error) {
			var ids []int64
			if in.Body != nil {
				ids = in.Body.IDs
			}
			n, err := a.DB.Consumer(in.Consumer).Redrive(ctx, ids...)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			a.DB.Wake()
			return &answer[count]{count{n}}, nil
		})
	huma.Register(a.huma, a.op(http.MethodGet, "/v1/consumers/{consumer}/dead-letters", "list-dead-letters", "List dead letters by id", "consumers"),
		func(ctx context.Context, in *deadInput) (*answer[deadLetters], error) {
			all, err := a.DB.Consumer(in.Consumer).DeadLetters(ctx, in.After, in.Limit)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			out := deadLetters{DeadLetters: make([]deadLetter, len(all))}
			for i, d := range all {
				out.DeadLetters[i].DeadLetter = d
				if json.Valid(d.Payload) {
					out.DeadLetters[i].Payload = d.Payload
				} else if d.Payload != nil {
					out.DeadLetters[i].PayloadBase64 = base64.StdEncoding.EncodeToString(d.Payload)
				}
			}
			return &answer[deadLetters]{out}, nil
		})
}

func (a *api) consumer(ctx context.Context, in *ConsumerPath) (*answer[howdah.ConsumerInfo], error) {
	info, err := a.DB.Consumer(in.Consumer).Info(ctx)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	return &answer[howdah.ConsumerInfo]{info}, nil
}

// change wakes the consumer's workers after a change of its state, and answers with the new state.
func (a *api) change(ctx context.Context, name string, err error) (*answer[howdah.ConsumerInfo], error) {
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	a.DB.Wake()
	return a.consumer(ctx, &ConsumerPath{name})
}

// duration reads a query parameter such as 30s, or a number of seconds.
func duration(name, s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		s = strconv.FormatFloat(f, 'f', -1, 64) + "s"
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, invalid(name+" is "+strconv.Quote(s)+", not a duration", "Write it like 30s, 1m30s or 250ms.")
	}
	if d < 0 {
		return 0, invalid(name+" is "+s+", which is negative", "Write it like 30s, 1m30s or 250ms.")
	}
	return d, nil
}
