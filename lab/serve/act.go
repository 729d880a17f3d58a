package serve

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/lab"
	"github.com/howdah/howdah/lab/sim"
)

// Clock is the scenario clock after a change.
type Clock struct {
	ScenarioTime time.Time `json:"scenario_time"`
	Day          int       `json:"day"`
	Speed        float64   `json:"speed"`
	Paused       bool      `json:"paused"`
	Running      bool      `json:"running" doc:"Whether somebody runs the lab. While nobody does, scenario time stands still."`
}

type clockInput struct {
	Body struct {
		Paused *bool    `json:"paused,omitempty" doc:"Stop scenario time, or let it run."`
		Speed  *float64 `json:"speed,omitempty" doc:"Scenario seconds a second, such as 720."`
		Day    *int     `json:"day,omitempty" doc:"Move on to the beginning of this day; what is due till then comes at once."`
		Step   string   `json:"step,omitempty" doc:"Move on by so much scenario time, such as 1h, paused or not."`
	}
}

type faultInput struct {
	Body struct {
		Fault string  `json:"fault"`
		For   string  `json:"for,omitempty" doc:"Of scenario time, such as 24h; the default."`
		Share float64 `json:"share,omitempty" doc:"Of the events that are hit; default 1."`
	}
}

type moveInput struct {
	Name string `path:"name"`
	Body struct {
		Alias   string   `json:"alias" enum:"champion,challenger,shadow,canary"`
		Version int      `json:"version" minimum:"0" doc:"0 takes the alias away."`
		Share   *float64 `json:"share,omitempty" doc:"Of the entities that a canary acts for."`
		Reason  string   `json:"reason,omitempty"`
	}
}

type rollbackInput struct {
	Name string `path:"name"`
}

// acts adds what changes the lab: its clock, faults, aliases.
func (r *routes) acts(api huma.API, op func(method, path, id, summary string) huma.Operation) {
	huma.Register(api, op(http.MethodPost, "/v1/lab/clock", "change-clock", "Pause scenario time, let it run, change its speed, step, or jump to a day"),
		func(ctx context.Context, in *clockInput) (*answer[Clock], error) {
			return with(ctx, r, func(l *lab.Lab) (out Clock, err error) {
				x := lab.ClockChange{Speed: in.Body.Speed, Day: in.Body.Day, Paused: in.Body.Paused}
				if in.Body.Step != "" {
					if x.Step, err = time.ParseDuration(in.Body.Step); err != nil || x.Step <= 0 {
						return out, fmt.Errorf("step is %q; write it like 30m or 6h: %w", in.Body.Step, howdah.ErrInvalid)
					}
				}
				c, err := l.Set(ctx, x)
				if err != nil {
					return out, err
				}
				running, err := l.Runners(ctx)
				now := c.Scenario
				if len(running) > 0 {
					now = c.Now(time.Now())
				}
				return Clock{now.UTC(), sim.DayOf(l.Info().Epoch, now), c.Rate, c.Paused, len(running) > 0}, err
			})
		})
	huma.Register(api, op(http.MethodPost, "/v1/lab/faults", "inject-fault", "Break something for a while of scenario time, from now on"),
		func(ctx context.Context, in *faultInput) (*answer[[]lab.Injection], error) {
			return with(ctx, r, func(l *lab.Lab) ([]lab.Injection, error) {
				length, share := 24*time.Hour, in.Body.Share
				if in.Body.For != "" {
					d, err := time.ParseDuration(in.Body.For)
					if err != nil {
						return nil, fmt.Errorf("for is %q; write it like 24h: %w", in.Body.For, howdah.ErrInvalid)
					}
					length = d
				}
				if share == 0 {
					share = 1
				}
				if err := l.Inject(ctx, in.Body.Fault, length, share); err != nil {
					return nil, err
				}
				return l.Injections(ctx)
			})
		})
	huma.Register(api, op(http.MethodPost, "/v1/models/{name}/aliases", "move-alias", "Let an alias mean a version, from now on"),
		func(ctx context.Context, in *moveInput) (*answer[[]lab.AliasMove], error) {
			return with(ctx, r, func(l *lab.Lab) ([]lab.AliasMove, error) {
				if err := l.Move(ctx, in.Name, in.Body.Alias, in.Body.Version, in.Body.Share, "by HTTP", in.Body.Reason); err != nil {
					return nil, err
				}
				return l.History(ctx, in.Name)
			})
		})
	huma.Register(api, op(http.MethodPost, "/v1/models/{name}/rollback", "rollback", "Give champion back to the version that had it before"),
		func(ctx context.Context, in *rollbackInput) (*answer[[]lab.AliasMove], error) {
			return with(ctx, r, func(l *lab.Lab) ([]lab.AliasMove, error) {
				if _, err := l.Rollback(ctx, in.Name, "by HTTP", "rollback by hand"); err != nil {
					return nil, err
				}
				return l.History(ctx, in.Name)
			})
		})
}
