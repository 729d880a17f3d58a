package console

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/howdah/howdah"
)

// An action on a consumer, with what it needs. The same values make the question, the twins and the deed.
type action struct {
	Name     string // in the path
	Consumer string
	IDs      []int64
	Target   string
	From     int64
	Until    int64
}

type confirmView struct {
	Base
	Post     string // where the form goes
	Question string
	Will     []string // what will happen
	Beware   string
	Button   string
	Grave    bool // what is lost does not come back
	Fields   url.Values
	Twins    []Twin
	Back     string
}

// confirm says what an action will do, and asks. It changes nothing.
func (c *Console) confirm(r *http.Request) (view, error) {
	a, err := parseAction(r)
	if err != nil {
		return nil, err
	}
	info, err := c.DB.Consumer(a.Consumer).Info(r.Context())
	if err != nil {
		return nil, err
	}
	v := &confirmView{Base: c.base(r, a.Name+" "+a.Consumer), Post: "/consumers/" + a.Consumer + "/" + a.Name, Fields: url.Values{}, Back: "/consumers/" + a.Consumer}
	v.Section = "consumers"
	if err := a.describe(r, c.DB, info, v); err != nil {
		return nil, err
	}
	v.Twins = c.twins(r, a)
	return v, nil
}

func parseAction(r *http.Request) (a action, err error) {
	if err := r.ParseForm(); err != nil {
		return a, &pageError{http.StatusBadRequest, "The form could not be read.", ""}
	}
	a = action{Name: r.PathValue("action"), Consumer: r.PathValue("consumer")}
	if a.IDs, err = ids(r.Form["id"]); err != nil {
		return a, err
	}
	number := func(field string) (int64, error) {
		n, err := strconv.ParseInt(strings.TrimSpace(r.FormValue(field)), 10, 64)
		if err != nil {
			return 0, &pageError{http.StatusBadRequest, fmt.Sprintf("%q is not an id.", r.FormValue(field)), "Ids are whole numbers; both ends of the range are included."}
		}
		return n, nil
	}
	switch a.Name {
	case "redrive", "pause", "resume":
	case "seek":
		if a.Target = strings.TrimSpace(r.FormValue("target")); a.Target == "" {
			return a, &pageError{http.StatusBadRequest, "The place to go to is missing.", "Write earliest, latest, an id, or a time with its zone, such as 2026-01-31T12:00:00Z."}
		}
	case "replay":
		if a.From, err = number("from"); err == nil {
			a.Until, err = number("until")
		}
	default:
		err = &pageError{http.StatusNotFound, "There is no action " + strconv.Quote(a.Name) + ".", "There are redrive, seek, replay, pause and resume."}
	}
	return a, err
}

// describe says in words what will happen.
func (a action) describe(r *http.Request, db *howdah.DB, info howdah.ConsumerInfo, v *confirmView) error {
	will := func(format string, args ...any) { v.Will = append(v.Will, fmt.Sprintf(format, args...)) }
	switch a.Name {
	case "pause":
		v.Question, v.Button = "Pause "+a.Consumer+"?", "Pause it"
		will("Its workers are handed no more events until it is resumed.")
		will("The %s %s in flight may still be acked.", number(info.InFlight), plural(info.InFlight, "event", "events"))
		will("New events wait, so its lag grows. Nothing is lost.")
	case "resume":
		v.Question, v.Button = "Resume "+a.Consumer+"?", "Resume it"
		will("Its workers are handed events again, the oldest first. %s wait now.", number(info.Lag))
	case "redrive":
		v.Question, v.Button = fmt.Sprintf("Redrive %d dead %s of %s?", len(a.IDs), plural(len(a.IDs), "letter", "letters"), a.Consumer), "Redrive them"
		if len(a.IDs) == 0 {
			v.Question = fmt.Sprintf("Redrive all %s dead letters of %s?", number(info.Dead), a.Consumer)
		}
		for _, id := range a.IDs {
			v.Fields.Add("id", strconv.FormatInt(id, 10))
		}
		will("They are delivered again at once, each with %d fresh %s.", info.MaxAttempts, plural(info.MaxAttempts, "attempt", "attempts"))
		will("Those that fail again come back as dead letters: mend the cause first.")
		if info.Ordered {
			v.Beware = "The consumer is ordered, and later events of the same keys have passed these: their order is broken."
		}
	case "replay":
		v.Question, v.Button = fmt.Sprintf("Deliver events %s to %s to %s again?", number(a.From), number(a.Until), a.Consumer), "Replay them"
		v.Fields.Set("from", strconv.FormatInt(a.From, 10))
		v.Fields.Set("until", strconv.FormatInt(a.Until, 10))
		will("Up to %s %s in this range are delivered once more. The consumer's position stays.", number(max(min(a.Until, info.Head-1)-a.From+1, 0)), plural(a.Until-a.From+1, "event", "events"))
		will("Left out is what is open, pending or dead, and what it has not been handed yet.")
		v.Beware = "Whatever the workers do for an event they do again: fine where that is idempotent."
	case "seek":
		p, err := db.Consumer(a.Consumer).PreviewSeek(r.Context(), a.Target)
		if err != nil {
			return err
		}
		v.Grave = true
		v.Question, v.Button = fmt.Sprintf("Move %s to %s?", a.Consumer, a.Target), "Move it"
		v.Fields.Set("target", a.Target)
		about := ""
		if p.About {
			about = "about "
		}
		switch {
		case p.Goal < p.Head:
			will("It goes back from event %s to %s%s: %s%s are delivered again.", number(p.Head), about, number(p.Goal), about, events(p.Again))
		case p.Goal > p.Head:
			will("It goes forward from event %s to %s%s: %s%s are passed over and count as skipped.", number(p.Head), about, number(p.Goal), about, events(p.Skipped))
		default:
			will("It stays at event %s.", number(p.Head))
		}
		if p.OpenClaims > 0 {
			will("%s open %s with %s end; acks of them will be refused.", number(p.OpenClaims), plural(p.OpenClaims, "claim", "claims"), events(p.InFlight))
		}
		if p.Pending > 0 {
			will("%s that wait to be delivered again are dropped from the queue.", events(p.Pending))
		}
		if p.Dead > 0 {
			will("%s dead %s at or above the target are dropped, because their events come again or have been skipped.", capped(p.Dead), plural(p.Dead, "letter", "letters"))
		}
		if p.Goal < p.Head {
			v.Beware = "Whatever the workers do for an event they do again: fine where that is idempotent."
		} else if p.Goal > p.Head {
			v.Beware = "What is skipped is not delivered unless you replay it."
		}
	}
	return nil
}

func events(n int64) string { return number(n) + " " + plural(n, "event", "events") }

// twins are the same action from elsewhere.
func (c *Console) twins(r *http.Request, a action) []Twin {
	path := "/v1/consumers/" + a.Consumer + "/" + a.Name
	cli := "howdah consumer " + a.Name + " " + a.Consumer
	name := literal(a.Consumer)
	switch a.Name {
	case "pause", "resume":
		return []Twin{{"command line", cli}, {"HTTP", c.post(r, path, nil)}, {"SQL", fmt.Sprintf("select howdah.pause(%s, %t);", name, a.Name == "pause")}}
	case "seek":
		return []Twin{{"command line", cli + " " + quote(a.Target)}, {"HTTP", c.post(r, path, map[string]any{"target": a.Target})},
			{"SQL", fmt.Sprintf("select howdah.seek(%s, %s);", name, literal(a.Target))}}
	case "replay":
		return []Twin{{"command line", fmt.Sprintf("%s %d %d", cli, a.From, a.Until)}, {"HTTP", c.post(r, path, map[string]any{"from_id": a.From, "until_id": a.Until})},
			{"SQL", fmt.Sprintf("select howdah.replay(%s, %d, %d);", name, a.From, a.Until)}}
	}
	var body any
	sql := fmt.Sprintf("select howdah.redrive(%s);", name)
	if len(a.IDs) > 0 {
		words := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(a.IDs)), " "), "[]")
		cli += " " + words
		body = map[string]any{"ids": a.IDs}
		sql = fmt.Sprintf("select howdah.redrive(%s, '{%s}');", name, strings.ReplaceAll(words, " ", ","))
	}
	return []Twin{{"command line", cli}, {"HTTP", c.post(r, path, body)}, {"SQL", sql}}
}

// act does what confirm asked about.
func (c *Console) act(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		c.fail(w, r, &pageError{http.StatusBadRequest, "The form could not be read.", ""})
		return
	}
	a, err := parseAction(r)
	var done string
	if err == nil {
		done, err = a.do(r.Context(), c.DB)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.DB.Wake()
	c.cache.forget()
	c.sampler.again(r.Context())
	c.Log.Info("done on the page", "action", a.Name, "consumer", a.Consumer, "from", r.RemoteAddr)
	c.flash(w, r, done)
	http.Redirect(w, r, "/consumers/"+url.PathEscape(a.Consumer), http.StatusSeeOther)
}

func (a action) do(ctx context.Context, db *howdah.DB) (string, error) {
	k := db.Consumer(a.Consumer)
	switch a.Name {
	case "pause":
		return a.Consumer + " is paused.", k.Pause(ctx)
	case "resume":
		return a.Consumer + " is resumed.", k.Resume(ctx)
	case "seek":
		return a.Consumer + " goes on at " + a.Target + ".", k.Seek(ctx, a.Target)
	case "replay":
		return fmt.Sprintf("Events %s to %s are delivered again.", number(a.From), number(a.Until)), k.Replay(ctx, a.From, a.Until)
	}
	n, err := k.Redrive(ctx, a.IDs...)
	return fmt.Sprintf("%s dead %s sent round again.", number(n), plural(n, "letter was", "letters were")), err
}

const flashCookie = "howdah_done"

// flash keeps what an action did for the next page.
func (c *Console) flash(w http.ResponseWriter, r *http.Request, done string) {
	http.SetCookie(w, cookie(r, flashCookie, base64.RawURLEncoding.EncodeToString([]byte(done)), 60))
}

// takeFlash gives what the last action said, once.
func (c *Console) takeFlash(w http.ResponseWriter, r *http.Request) string {
	k, err := r.Cookie(flashCookie)
	if err != nil || k.Value == "" {
		return ""
	}
	http.SetCookie(w, cookie(r, flashCookie, "", -1))
	text, err := base64.RawURLEncoding.DecodeString(k.Value)
	if err != nil {
		return ""
	}
	return string(text)
}
