package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/howdah/howdah"
)

type findInput struct {
	TopicPath
	From        int64  `query:"from" doc:"No id below this one."`
	Until       int64  `query:"until" doc:"No id above this one."`
	Since       string `query:"since" doc:"Received at this time (with its zone) or later, about; or how long ago, such as 15m."`
	Before      string `query:"before" doc:"Received before this time, about."`
	Key         string `query:"key" doc:"Only events of this key."`
	Contains    string `query:"contains" doc:"Only payloads that contain this JSON, as PostgreSQL's @> says."`
	OldestFirst bool   `query:"oldest_first" doc:"Default: the newest first."`
	Limit       int    `query:"limit" default:"50" minimum:"1" maximum:"10000"`
	Look        int    `query:"look" minimum:"0" maximum:"10000000" doc:"Rows that a search by key or content reads at most; default 20,000, by key alone 100,000."`
}

type foundPage struct {
	Events []event `json:"events"`
	Looked int64   `json:"looked" doc:"Rows that were read."`
	Next   int64   `json:"next,omitempty" doc:"Go on with this as until (or from, where the oldest come first); absent: there is nothing further."`
}

type eventInput struct {
	TopicPath
	ID int64 `path:"id"`
}

type eventWay struct {
	Event     event               `json:"event"`
	Consumers []howdah.EventState `json:"consumers" doc:"Where it is in every consumer of the topic."`
}

type limitInput struct {
	ConsumerPath
	Limit int `query:"limit" default:"100" minimum:"1" maximum:"1000"`
}

type claimList struct {
	Claims []howdah.OpenClaim `json:"claims"`
}

type pendingList struct {
	Ranges []howdah.PendingRange `json:"ranges"`
}

type previewInput struct {
	ConsumerPath
	Target string `query:"target" required:"true" doc:"earliest, latest, an id, or a time with its zone."`
}

type findings struct {
	Problems []howdah.Finding `json:"problems" doc:"None: nothing that is looked for is wrong."`
}

// lookRoutes are for looking around: pages with bounded reads, which belong to no consumer.
func (a *api) lookRoutes() {
	huma.Register(a.huma, a.op(http.MethodGet, "/v1/topics/{topic}/find", "find-events",
		"Find events by id, time, key and content; says how far it looked", "topics"), a.find)
	huma.Register(a.huma, a.op(http.MethodGet, "/v1/topics/{topic}/events/{id}", "get-event",
		"Read one event, and its way through every consumer", "topics"),
		func(ctx context.Context, in *eventInput) (*answer[eventWay], error) {
			t := a.DB.Topic(in.Topic)
			raw, err := a.raw(ctx, in.Topic)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			e, err := t.Event(ctx, in.ID)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			states, err := t.States(ctx, in.ID)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			return &answer[eventWay]{eventWay{handOut([]howdah.Event{e}, raw)[0], notNil(states)}}, nil
		})
	huma.Register(a.huma, a.op(http.MethodGet, "/v1/consumers/{consumer}/claims", "list-open-claims",
		"List who works on what, the oldest first", "consumers"),
		func(ctx context.Context, in *limitInput) (*answer[claimList], error) {
			all, err := a.DB.Consumer(in.Consumer).OpenClaims(ctx, in.Limit)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			return &answer[claimList]{claimList{notNil(all)}}, nil
		})
	huma.Register(a.huma, a.op(http.MethodGet, "/v1/consumers/{consumer}/pending", "list-pending",
		"List what is to be delivered again, when, and the last error", "consumers"),
		func(ctx context.Context, in *limitInput) (*answer[pendingList], error) {
			all, err := a.DB.Consumer(in.Consumer).PendingRanges(ctx, in.Limit)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			return &answer[pendingList]{pendingList{notNil(all)}}, nil
		})
	huma.Register(a.huma, a.op(http.MethodGet, "/v1/consumers/{consumer}/seek", "preview-seek",
		"What a seek would do now; it changes nothing", "consumers"),
		func(ctx context.Context, in *previewInput) (*answer[howdah.SeekPreview], error) {
			p, err := a.DB.Consumer(in.Consumer).PreviewSeek(ctx, in.Target)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			return &answer[howdah.SeekPreview]{p}, nil
		})
	huma.Register(a.huma, a.op(http.MethodGet, "/v1/problems", "list-problems", "What is wrong now, and what to do", "server"),
		func(ctx context.Context, _ *none) (*answer[findings], error) {
			all, err := a.DB.Problems(ctx)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			return &answer[findings]{findings{notNil(all)}}, nil
		})
}

func (a *api) find(ctx context.Context, in *findInput) (*answer[foundPage], error) {
	s := howdah.Search{From: in.From, Until: in.Until, Key: in.Key, OldestFirst: in.OldestFirst, Limit: in.Limit, Look: in.Look}
	if in.Contains != "" {
		s.Contains = json.RawMessage(in.Contains)
	}
	var err error
	if s.Since, err = pointInTime("since", in.Since); err != nil {
		return nil, err
	}
	if s.Before, err = pointInTime("before", in.Before); err != nil {
		return nil, err
	}
	raw, err := a.raw(ctx, in.Topic)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	found, err := a.DB.Topic(in.Topic).Find(ctx, s)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	return &answer[foundPage]{foundPage{handOut(found.Events, raw), found.Looked, found.Next}}, nil
}

// pointInTime reads a time with its zone, or how long ago.
func pointInTime(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return time.Now().Add(-d), nil
	}
	return time.Time{}, invalid(name+" is "+strconv.Quote(text)+", not a time with its zone", "Write it like 2026-01-31T12:00:00Z, or how long ago, like 15m.")
}
