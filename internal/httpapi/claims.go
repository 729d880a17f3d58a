package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/howdah/howdah"
)

type claimInput struct {
	ConsumerPath
	Batch       int    `query:"batch" default:"100" minimum:"1" maximum:"10000" doc:"At most so many events."`
	Wait        string `query:"wait" doc:"How long to wait for events, such as 30s; default 0, at most a minute."`
	Lease       string `query:"lease" doc:"Another lease than the consumer's, such as 2m."`
	FromTime    string `query:"from_time" doc:"Only events received at this time or later; RFC 3339 with a zone."`
	UntilTime   string `query:"until_time" doc:"Only events received before this time."`
	NewestFirst bool   `query:"newest_first" doc:"Take the newest events first."`
}

type claim struct {
	ClaimID    string     `json:"claim_id,omitempty" doc:"A string, because numbers in JavaScript are too small. Absent: nothing to do now."`
	LeaseUntil *time.Time `json:"lease_until,omitempty"`
	Events     []event    `json:"events"`
}

// maxWait is how long a claim may wait for events.
const maxWait = time.Minute

// ClaimPath names a claim in a path.
type ClaimPath struct {
	ClaimID string `path:"claim" doc:"The claim_id of the claim."`
}

type ackInput struct {
	ClaimPath
	Body *struct {
		IDs []int64 `json:"ids,omitempty" doc:"Which events; none: all."`
	}
}

type nackInput struct {
	ClaimPath
	Body *struct {
		IDs            []int64  `json:"ids,omitempty" doc:"Which events; none: all."`
		Error          string   `json:"error,omitempty" doc:"Why; kept with the dead letter."`
		RetryInSeconds *float64 `json:"retry_in_seconds,omitempty" minimum:"0" doc:"Instead of the back-off."`
	}
}

type extendInput struct {
	ClaimPath
	Lease string `query:"lease" doc:"From now, such as 2m; default the consumer's lease."`
}

type extended struct {
	LeaseUntil time.Time `json:"lease_until"`
}

func (a *api) claimRoutes() {
	op := a.op(http.MethodPost, "/v1/consumers/{consumer}/claim", "claim", "Take events for this worker alone", "claims")
	op.Description = "They are delivered to nobody else until the lease passes. Ack, nack or release the claim by its claim_id."
	op.Middlewares = append(op.Middlewares, a.noBody)
	huma.Register(a.huma, op, a.claim)
	huma.Register(a.huma, a.op(http.MethodPost, "/v1/claims/{claim}/ack", "ack", "The events are done", "claims"),
		func(ctx context.Context, in *ackInput) (*answer[count], error) {
			var ids []int64
			if in.Body != nil {
				ids = in.Body.IDs
			}
			defer a.metrics.ackTime(time.Now())
			return a.settle(ctx, in.ClaimPath, "acked", func(k *howdah.Claim) (int64, error) { return k.Ack(ctx, ids...) })
		})
	huma.Register(a.huma, a.op(http.MethodPost, "/v1/claims/{claim}/nack", "nack", "The events failed; they are delivered again, or become dead letters", "claims"),
		func(ctx context.Context, in *nackInput) (*answer[count], error) {
			return a.settle(ctx, in.ClaimPath, "nacked", func(k *howdah.Claim) (int64, error) {
				switch b := in.Body; {
				case b == nil:
					return k.Nack(ctx, "")
				case b.RetryInSeconds != nil:
					return k.Retry(ctx, b.Error, seconds(*b.RetryInSeconds), b.IDs...)
				default:
					return k.Nack(ctx, b.Error, b.IDs...)
				}
			})
		})
	huma.Register(a.huma, a.op(http.MethodPost, "/v1/claims/{claim}/release", "release", "Hand the claim back untouched", "claims"),
		func(ctx context.Context, in *ClaimPath) (*none, error) {
			k, err := a.held(*in)
			if err != nil {
				return nil, err
			}
			if err := k.Release(ctx); err != nil {
				return nil, a.fail(ctx, err)
			}
			a.DB.Wake()
			return nil, nil
		})
	huma.Register(a.huma, a.op(http.MethodPost, "/v1/claims/{claim}/extend", "extend", "Prolong the lease from now", "claims"),
		func(ctx context.Context, in *extendInput) (*answer[extended], error) {
			k, err := a.held(in.ClaimPath)
			if err != nil {
				return nil, err
			}
			d, err := duration("lease", in.Lease)
			if err != nil {
				return nil, err
			}
			until, err := k.Extend(ctx, d)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			return &answer[extended]{extended{until}}, nil
		})
}

// noBody refuses a body where parameters go in the query: it would be passed over in silence.
func (a *api) noBody(ctx huma.Context, next func(huma.Context)) {
	if n := ctx.Header("Content-Length"); n != "" && n != "0" && n != "2" { // {} says nothing
		_ = huma.WriteErr(a.huma, ctx, http.StatusUnprocessableEntity, "a claim takes its parameters in the query, such as ?batch=100, and no body")
		return
	}
	next(ctx)
}

func (a *api) claim(ctx context.Context, in *claimInput) (*answer[claim], error) {
	wait, err := duration("wait", in.Wait)
	if err != nil {
		return nil, err
	}
	options, err := in.options()
	if err != nil {
		return nil, err
	}
	// The server's end cuts the waiting short, not the claim.
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-a.Stopping:
			stop()
		case <-waiting.Done():
		}
	}()
	c := a.DB.Consumer(in.Consumer)
	began := time.Now()
	k, err := c.Claim(ctx, in.Batch, options...)
	a.metrics.claimTime(began)
	if k == nil && err == nil && wait > 0 {
		k, err = c.ClaimWait(waiting, in.Batch, min(wait, maxWait), options...)
		if err != nil && waiting.Err() != nil && ctx.Err() == nil {
			k, err = nil, nil
		}
	}
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	if k == nil {
		return &answer[claim]{claim{Events: []event{}}}, nil
	}
	if ctx.Err() != nil { // the client has gone; another worker need not wait for the lease
		_ = k.Release(context.WithoutCancel(ctx))
		return nil, a.fail(ctx, ctx.Err())
	}
	topic, err := c.Topic(ctx)
	var raw bool
	if err == nil {
		raw, err = a.raw(ctx, topic)
	}
	if err != nil {
		_ = k.Release(context.WithoutCancel(ctx))
		return nil, a.fail(ctx, err)
	}
	a.metrics.claimed(in.Consumer, len(k.Events))
	return &answer[claim]{claim{ClaimID: strconv.FormatInt(k.ID, 10), LeaseUntil: &k.LeaseUntil, Events: handOut(k.Events, raw)}}, nil
}

func (in *claimInput) options() (options []howdah.ClaimOption, err error) {
	lease, err := duration("lease", in.Lease)
	if err != nil {
		return nil, err
	}
	if lease > 0 {
		options = append(options, howdah.ClaimLease(lease))
	}
	var times [2]time.Time
	for i, p := range []struct{ name, value string }{{"from_time", in.FromTime}, {"until_time", in.UntilTime}} {
		if p.value == "" {
			continue
		}
		if times[i], err = time.Parse(time.RFC3339Nano, p.value); err != nil {
			return nil, invalid(p.name+" is "+strconv.Quote(p.value), "Write it with its zone, such as 2026-01-31T12:00:00Z.")
		}
	}
	if !times[0].IsZero() || !times[1].IsZero() {
		options = append(options, howdah.Between(times[0], times[1]))
	}
	if in.NewestFirst {
		options = append(options, howdah.NewestFirst())
	}
	return options, nil
}

func (a *api) held(in ClaimPath) (*howdah.Claim, error) {
	id, err := strconv.ParseInt(in.ClaimID, 10, 64)
	if err != nil || id <= 0 {
		return nil, invalid("claim id "+strconv.Quote(in.ClaimID)+" is not one", "Use the claim_id of a claim, as it came.")
	}
	return a.DB.HeldClaim(id), nil
}

func (a *api) settle(ctx context.Context, in ClaimPath, how string, f func(*howdah.Claim) (int64, error)) (*answer[count], error) {
	k, err := a.held(in)
	if err != nil {
		return nil, err
	}
	n, err := f(k)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	a.metrics.settled(how, n)
	if how == "nacked" {
		a.DB.Wake()
	}
	return &answer[count]{count{n}}, nil
}
