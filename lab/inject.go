package lab

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/lab/sim"
)

// injection is a fault that an instructor switched on, beside those of the timetable. It is a function of the event's own
// time and id, so a restart changes nothing.
type injection struct {
	Fault string    `json:"fault"`
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	Share float64   `json:"share"`
}

// Faults that can be injected, and what they do.
var faultHelp = []struct{ name, does string }{
	{"drop_facts", "facts do not arrive"},
	{"drop_labels", "labels do not arrive"},
	{"garbage", "payloads of facts are cut in half"},
	{"scale", "amounts of facts come a hundred times too small, as euro instead of cents"},
	{"rename", "a field of facts has another name, such as payment_channel instead of channel"},
}

// Faults lists the faults that can be injected.
func Faults() (names []string) {
	for _, f := range faultHelp {
		names = append(names, f.name+": "+f.does)
	}
	return names
}

// Inject switches a fault on for a span of scenario time from now on.
func (l *Lab) Inject(ctx context.Context, fault string, length time.Duration, share float64) error {
	if !slices.ContainsFunc(faultHelp, func(f struct{ name, does string }) bool { return f.name == fault }) {
		return fmt.Errorf("fault %q: there is none (%w); there are %s", fault, howdah.ErrInvalid, strings.Join(Faults(), "; "))
	}
	if length <= 0 || !(share > 0 && share <= 1) {
		return fmt.Errorf("inject %s: the length is %v and the share %v; give a positive length and a share above 0, up to 1: %w", fault, length, share, howdah.ErrInvalid)
	}
	return pgx.BeginFunc(ctx, l.db.Pool(), func(tx pgx.Tx) error {
		var arrived time.Time
		if err := tx.QueryRow(ctx, "select arrived_until from lab.settings for update").Scan(&arrived); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "update lab.settings set injected = injected || $1", []injection{{fault, arrived.UTC(), arrived.UTC().Add(length), share}})
		return err
	})
}

func inject(shape *Shape, faults []injection, e *sim.Event) (sim.Event, bool) {
	out := *e
	for _, f := range faults {
		if e.ArrivesAt.Before(f.From) || !e.ArrivesAt.Before(f.Until) || bucket(f.Fault, e.UUID()) >= f.Share {
			continue
		}
		facts := e.Stream == shape.Facts
		switch {
		case f.Fault == "drop_labels" && e.Stream == shape.Labels, f.Fault == "drop_facts" && facts:
			return out, false
		case !facts:
		case f.Fault == "garbage":
			out.Payload = out.Payload[:len(out.Payload)/2]
		case f.Fault == "rename":
			out.Payload = bytes.Replace(out.Payload, []byte(`"`+shape.Rename+`":`), []byte(`"payment_`+shape.Rename+`":`), 1)
		case f.Fault == "scale":
			out.Payload = scale(out.Payload, shape.Scale)
		}
	}
	return out, true
}

// scale cuts the last two digits off an amount, as a sender does that means euro and not cents.
func scale(payload []byte, field string) []byte {
	name := []byte(`"` + field + `":`)
	at := bytes.Index(payload, name)
	if at < 0 {
		return payload
	}
	from := at + len(name)
	until := from
	for until < len(payload) && payload[until] >= '0' && payload[until] <= '9' {
		until++
	}
	if until-from < 3 {
		return payload
	}
	return slices.Concat(payload[:until-2], payload[until:])
}
