package console

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// labAction is something to be done to the lab, as confirm asks about it.
type labAction struct {
	Name         string
	Fault        string
	Hours        float64
	Share        float64
	Model, Alias string
	Version      int
	Speed        float64
	Day          int
	Step         time.Duration
	Reason       string
}

func parseLabAction(r *http.Request) (a labAction, err error) {
	if err := r.ParseForm(); err != nil {
		return a, &pageError{http.StatusBadRequest, "The form could not be read.", ""}
	}
	a = labAction{Name: r.PathValue("action"), Fault: r.FormValue("fault"), Model: r.FormValue("model"), Alias: r.FormValue("alias"), Reason: r.FormValue("reason")}
	float := func(field string, to *float64) {
		f, failed := strconv.ParseFloat(strings.TrimSpace(r.FormValue(field)), 64)
		if failed != nil && err == nil {
			err = &pageError{http.StatusBadRequest, fmt.Sprintf("%q is not a number.", r.FormValue(field)), ""}
		}
		*to = f
	}
	whole := func(field string, to *int) {
		n, failed := strconv.Atoi(strings.TrimSpace(r.FormValue(field)))
		if failed != nil && err == nil {
			err = &pageError{http.StatusBadRequest, fmt.Sprintf("%q is not a whole number.", r.FormValue(field)), ""}
		}
		*to = n
	}
	switch a.Name {
	case "pause", "resume", "rollback":
	case "speed":
		if float("speed", &a.Speed); err == nil && !(a.Speed > 0) {
			err = &pageError{http.StatusBadRequest, "The speed is not above 0.", "Give scenario seconds a second, such as 720."}
		}
	case "jump":
		whole("day", &a.Day)
	case "step":
		if d, failed := time.ParseDuration(strings.TrimSpace(r.FormValue("length"))); failed != nil || d <= 0 {
			err = &pageError{http.StatusBadRequest, fmt.Sprintf("%q is no step.", r.FormValue("length")), "Give a length of scenario time, such as 1h."}
		} else {
			a.Step = d
		}
	case "inject":
		float("hours", &a.Hours)
		float("percent", &a.Share)
		a.Share /= 100
	case "promote":
		whole("version", &a.Version)
	default:
		err = &pageError{http.StatusNotFound, "There is no action " + strconv.Quote(a.Name) + ".", ""}
	}
	return a, err
}

// confirmLab says what an injection, a jump or a move of an alias will do.
func (c *Console) confirmLab(r *http.Request) (view, error) {
	a, err := parseLabAction(r)
	if err != nil {
		return nil, err
	}
	state, err := c.lookAtLab(r.Context())
	if err != nil {
		return nil, err
	}
	v := &confirmView{Base: c.base(r, a.Name), Post: "/lab/" + a.Name, Fields: url.Values{}, Back: "/lab"}
	v.Section = "lab"
	for k, values := range r.Form {
		v.Fields[k] = values
	}
	will := func(format string, args ...any) { v.Will = append(v.Will, fmt.Sprintf(format, args...)) }
	switch a.Name {
	case "inject":
		i := slices.IndexFunc(state.Faults, func(f LabFault) bool { return f.Name == a.Fault })
		if i < 0 {
			return nil, &pageError{http.StatusNotFound, "There is no fault " + strconv.Quote(a.Fault) + ".", ""}
		}
		v.Question, v.Button, v.Grave = "Inject "+a.Fault+"?", "Inject it", true
		will("For %s of scenario time from now on, %s.", secondsText(a.Hours*3600), state.Faults[i].Does)
		will("It hits %.0f %% of them.", 100*a.Share)
		if state.Speed > 0 {
			will("At speed %s that takes %s of your time.", number(state.Speed), secondsText(a.Hours*3600/state.Speed))
		}
		v.Beware = "The pipelines have to notice: watch the alerts. What is broken stays broken in the log, as it would outside."
	case "promote":
		v.Question, v.Button = fmt.Sprintf("Let %s of %s be version %d?", a.Alias, a.Model, a.Version), "Move the alias"
		if a.Alias == "champion" {
			will("From now on version %d answers and acts.", a.Version)
		} else {
			will("From now on version %d scores beside the champion, and nobody acts on it.", a.Version)
		}
		will("The move is kept in the alias's history, and can be undone.")
	case "rollback":
		v.Question, v.Button = "Give champion of "+a.Model+" back to the version before?", "Roll back"
		i := slices.IndexFunc(state.Moves, func(m LabMove) bool { return m.Alias == "champion" && m.Model == a.Model && m.Until == nil })
		if i >= 0 {
			will("Version %d is champion no longer.", state.Moves[i].Version)
		}
		will("The version that was champion before it answers and acts again.")
		will("The move is kept in the alias's history.")
	case "jump":
		v.Question, v.Button, v.Grave = fmt.Sprintf("Jump to day %d?", a.Day), "Jump", true
		will("Scenario time moves on from day %d to the beginning of day %d.", state.Day, a.Day)
		will("Whatever is due till then comes at once; the pipelines catch up in a while.")
		v.Beware = "Scenario time does not go back."
	default:
		return nil, &pageError{http.StatusNotFound, "There is no such question.", ""}
	}
	v.Twins = c.labTwins(r, a)
	return v, nil
}

func (c *Console) labTwins(r *http.Request, a labAction) []Twin {
	switch a.Name {
	case "inject":
		length := time.Duration(a.Hours * float64(time.Hour)).String()
		return []Twin{{"command line", fmt.Sprintf("howdah lab inject %s --for %s --share %g", quote(a.Fault), length, a.Share)},
			{"HTTP", c.post(r, "/v1/lab/faults", map[string]any{"fault": a.Fault, "for": length, "share": a.Share})}}
	case "promote":
		return []Twin{{"command line", fmt.Sprintf("howdah lab promote %d --model %s --alias %s", a.Version, quote(a.Model), quote(a.Alias))},
			{"HTTP", c.post(r, "/v1/models/"+a.Model+"/aliases", map[string]any{"alias": a.Alias, "version": a.Version})}}
	case "rollback":
		return []Twin{{"command line", "howdah lab rollback --model " + quote(a.Model)}, {"HTTP", c.post(r, "/v1/models/"+a.Model+"/rollback", nil)}}
	}
	return []Twin{{"command line", fmt.Sprintf("howdah lab jump %d", a.Day)}, {"HTTP", c.post(r, "/v1/lab/clock", map[string]any{"day": a.Day})}}
}

func (c *Console) actOnLab(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	a, err := parseLabAction(r)
	var done string
	if err == nil && c.Lab == nil {
		err = &pageError{http.StatusNotFound, "There is no lab here.", "howdah demo plays one."}
	}
	if err == nil {
		done, err = a.do(r.Context(), c.Lab)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.cache.forget()
	c.Log.Info("done on the page", "action", "lab "+a.Name, "from", r.RemoteAddr)
	c.flash(w, r, done)
	http.Redirect(w, r, "/lab", http.StatusSeeOther)
}

func (a labAction) do(ctx context.Context, l Lab) (string, error) {
	reason := a.Reason
	if reason == "" {
		reason = "on the page"
	}
	switch a.Name {
	case "pause":
		return "Scenario time stands still.", l.Pause(ctx, true)
	case "resume":
		return "Scenario time runs again.", l.Pause(ctx, false)
	case "speed":
		return fmt.Sprintf("Scenario time runs %g times as fast as the clock.", a.Speed), l.Speed(ctx, a.Speed)
	case "jump":
		return fmt.Sprintf("Scenario time is at day %d.", a.Day), l.Jump(ctx, a.Day)
	case "step":
		return fmt.Sprintf("Scenario time moves on by %s.", secondsText(a.Step.Seconds())), l.Step(ctx, a.Step)
	case "inject":
		return a.Fault + " is injected.", l.Inject(ctx, a.Fault, time.Duration(a.Hours*float64(time.Hour)), a.Share)
	case "promote":
		return fmt.Sprintf("%s of %s is version %d.", a.Alias, a.Model, a.Version), l.Move(ctx, a.Model, a.Alias, a.Version, reason)
	}
	version, err := l.Rollback(ctx, a.Model, reason)
	return fmt.Sprintf("champion of %s is version %d again.", a.Model, version), err
}
