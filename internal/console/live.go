package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// page serves a page at a path and, at /live before that path, the blocks of it that change, as server-sent events: the
// same view rendered again after each look of the sampler, and sent where it differs.
func (c *Console) page(path, name string, build func(*http.Request) (view, error), live ...string) {
	c.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		c.sampler.fresh(ctx)
		v, err := build(r.WithContext(ctx))
		if err != nil {
			c.fail(w, r, err)
			return
		}
		b := v.Common()
		if len(live) > 0 {
			b.Live = "/live" + r.URL.RequestURI()
		}
		b.Flash = c.takeFlash(w, r)
		c.render(w, name, v)
	})
	if len(live) > 0 {
		c.mux.HandleFunc("GET /live"+path, func(w http.ResponseWriter, r *http.Request) { c.stream(w, r, name, build, live) })
	}
}

// heartbeat keeps proxies from closing a quiet stream.
const heartbeat = 15 * time.Second

type fragment struct {
	ID   string `json:"id"`
	HTML string `json:"html"`
}

func (c *Console) stream(w http.ResponseWriter, r *http.Request, name string, build func(*http.Request) (view, error), live []string) {
	ctx, out, end := c.events(w, r)
	if out == nil {
		return
	}
	defer end()
	sent := map[string]string{}
	beat := time.Now()
	for version := -1; ; {
		waiting, cancel := context.WithTimeout(ctx, heartbeat)
		version = c.sampler.wait(waiting, version)
		cancel()
		if ctx.Err() != nil {
			return
		}
		limited, cancel := context.WithTimeout(ctx, patience)
		v, err := build(r.WithContext(limited))
		cancel()
		if err != nil {
			var p *pageError
			if ctx.Err() != nil || errors.As(err, &p) {
				return
			}
			c.explain(err) // it logs
			if !out.send("down", "The database does not answer. Trying on.") {
				return
			}
			continue
		}
		var fragments []fragment
		b := v.Common()
		for _, block := range append([]string{"nav-problems", "down"}, live...) {
			html, err := c.block(name, block, v)
			if err != nil {
				c.Log.Error("render a block", "page", name, "block", block, "error", err)
				return
			}
			if before, ok := sent[block]; !ok || before != html {
				sent[block] = html
				fragments = append(fragments, fragment{"live-" + block, html})
			}
		}
		_ = b
		switch {
		case len(fragments) > 0:
			if !out.send("blocks", fragments) {
				return
			}
			beat = time.Now()
		case time.Since(beat) > heartbeat:
			if !out.comment("alive") {
				return
			}
			beat = time.Now()
		}
	}
}

// eventStream writes server-sent events.
type eventStream struct {
	w   http.ResponseWriter
	out *http.ResponseController
}

// events begins a stream that ends with the request or the server. It counts as an open page.
func (c *Console) events(w http.ResponseWriter, r *http.Request) (context.Context, *eventStream, func()) {
	ctx, stop := context.WithCancel(r.Context())
	closed := c.sampler.open()
	end := func() {
		stop()
		closed()
	}
	go func() {
		select {
		case <-c.Stopping:
			stop()
		case <-ctx.Done():
		}
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	s := &eventStream{w, http.NewResponseController(w)}
	_ = s.out.SetWriteDeadline(time.Time{})
	if _, err := fmt.Fprint(w, "retry: 2000\n\n"); err != nil || s.out.Flush() != nil {
		end()
		return nil, nil, nil
	}
	return ctx, s, end
}

func (s *eventStream) send(event string, data any) bool {
	b, err := json.Marshal(data) // compact: no line breaks inside
	if err != nil {
		return false
	}
	_, err = fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", event, b)
	return err == nil && s.out.Flush() == nil
}

func (s *eventStream) comment(text string) bool {
	_, err := fmt.Fprintf(s.w, ": %s\n\n", text)
	return err == nil && s.out.Flush() == nil
}
