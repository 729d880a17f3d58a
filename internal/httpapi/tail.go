package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/howdah/howdah"
)

// heartbeat keeps proxies from closing a quiet stream.
const heartbeat = 15 * time.Second

// tailRoutes serves the live tail as server-sent events. It is described by hand: a stream has no output type.
func (a *api) tailRoutes(mux *http.ServeMux) {
	const path = "/v1/topics/{topic}/tail"
	mux.HandleFunc("GET "+path, a.tail)
	schema := a.huma.OpenAPI().Components.Schemas.Schema(typeOf[event](), true, "Event")
	op := a.op(http.MethodGet, path, "tail", "Follow a topic as server-sent events", "topics")
	op.Description = "Every event's id is its SSE id, its JSON the SSE data. A client that reconnects sends Last-Event-ID and goes on there."
	op.Parameters = []*huma.Param{
		{Name: "topic", In: "path", Required: true, Schema: &huma.Schema{Type: "string"}},
		{Name: "after", In: "query", Schema: &huma.Schema{Type: "integer"}, Description: "Begin after this id; default: with what comes from now on."},
		{Name: "Last-Event-ID", In: "header", Schema: &huma.Schema{Type: "integer"}, Description: "Wins over after."},
	}
	op.Responses = map[string]*huma.Response{"200": {Description: "A stream that does not end.",
		Content: map[string]*huma.MediaType{"text/event-stream": {Schema: schema}}}}
	a.huma.OpenAPI().AddOperation(&op)
}

func (a *api) tail(w http.ResponseWriter, r *http.Request) {
	ctx, stop := context.WithCancel(r.Context())
	defer stop()
	t := a.DB.Topic(r.PathValue("topic"))
	raw, err := a.raw(ctx, t.Name())
	if err != nil {
		a.writeError(w, a.fail(ctx, err))
		return
	}
	after, err := a.tailStart(ctx, t, r)
	if err != nil {
		a.writeError(w, a.fail(ctx, err))
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	out := http.NewResponseController(w)
	_ = out.SetWriteDeadline(time.Time{})
	if _, err := fmt.Fprint(w, ": tail\nretry: 1000\n\n"); err != nil || out.Flush() != nil {
		return
	}
	batches := make(chan []howdah.Event)
	ended := make(chan error, 1)
	go func() {
		ended <- t.Tail(ctx, after, func(events []howdah.Event) error {
			select {
			case batches <- events:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case events := <-batches:
			err = writeEvents(w, handOut(events, raw))
		case <-beat.C:
			_, err = fmt.Fprint(w, ": alive\n\n")
		case <-a.Stopping:
			return
		case err := <-ended:
			if ctx.Err() == nil {
				a.Log.Warn("a tail ended; the client resumes", "topic", t.Name(), "error", err)
			}
			return
		}
		if err != nil || out.Flush() != nil {
			return
		}
	}
}

// tailStart finds where a tail begins: after Last-Event-ID, after the parameter, or after what is settled now.
func (a *api) tailStart(ctx context.Context, t *howdah.Topic, r *http.Request) (int64, error) {
	given := r.Header.Get("Last-Event-ID")
	if given == "" {
		given = r.URL.Query().Get("after")
	}
	if given == "" {
		return t.StableID(ctx)
	}
	after, err := strconv.ParseInt(given, 10, 64)
	if err != nil {
		return 0, invalid("the id "+strconv.Quote(given)+" to begin after is not a number", "Send the id of the last event you have.")
	}
	return after, nil
}

func writeEvents(w http.ResponseWriter, events []event) error {
	var b bytes.Buffer
	for _, e := range events {
		data, err := json.Marshal(e) // compact: no line breaks inside
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(&b, "id: %d\ndata: %s\n\n", e.ID, data)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (a *api) writeError(w http.ResponseWriter, err error) {
	var p *problem
	if !errors.As(err, &p) {
		p = &problem{ErrorModel: huma.ErrorModel{Status: http.StatusInternalServerError, Title: http.StatusText(http.StatusInternalServerError)}}
	}
	WriteProblem(w, p.Status, p.Code, p.Detail, p.Hint)
}

// WriteProblem answers with problem details, for handlers around this one.
func WriteProblem(w http.ResponseWriter, status int, code, detail, hint string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(&problem{Code: code, Hint: hint,
		ErrorModel: huma.ErrorModel{Status: status, Title: http.StatusText(status), Detail: detail}})
}
