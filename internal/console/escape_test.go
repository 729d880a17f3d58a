package console_test

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/howdah/howdah"
)

// What producers and workers write is shown as they wrote it, and nothing of it runs.
func TestWhatOthersWriteDoesNotRun(t *testing.T) {
	s := serve(t, nil).browse()
	ctx := t.Context()
	const evil = `c'1"><script>window.ran = true</script><img src=x onerror="window.ran = true">`
	topic, err := s.db.CreateTopic(ctx, "payments")
	must(t, err)
	k, err := s.db.CreateConsumer(ctx, "scoring", "payments", howdah.MaxAttempts(1))
	must(t, err)
	doc := map[string]string{"note": evil, evil: "x"}
	_, err = topic.Publish(ctx, howdah.Event{Key: evil, Payload: encode(t, doc), Headers: encode(t, doc)})
	must(t, err)
	claim, err := k.Claim(ctx, 1)
	must(t, err)
	_, err = claim.Nack(ctx, evil)
	must(t, err)
	c, err := s.db.CreateCollection(ctx, "customers")
	must(t, err)
	for _, v := range []string{"a", evil} {
		_, err = c.Put(ctx, evil, map[string]string{"note": v, evil: v})
		must(t, err)
	}
	b, err := s.db.CreateBucket(ctx, "models")
	must(t, err)
	_, err = b.Put(ctx, evil, strings.NewReader(evil), howdah.ContentType("text/html"), howdah.Metadata(map[string]string{"note": evil}))
	must(t, err)

	s.tab.Watch()
	key := url.QueryEscape(evil)
	for path, where := range map[string]string{"/topics/payments": "#event-rows", "/topics/payments?key=" + key: "#event-rows", "/topics/payments?contains=" + key: "[role=alert]",
		"/topics/payments/events/1": ".json", "/consumers/scoring": "#live-dead", "/consumers/scoring/seek?target=" + key: "h1", "/documents/customers": "table.documents",
		"/documents/customers/document?key=" + key: "h1", "/objects/models": ".rows", "/objects/models/object?key=" + key: "main", "/go?q=" + key: "h1", "/" + url.PathEscape(evil): "h1",
		"/lab/" + url.PathEscape(evil): "h1"} {
		s.open(path)
		s.says(where, "script>")
		if wrong := eval[[]string](s, "window.wrong.concat(window.ran ? ['it ran'] : [], [...document.querySelectorAll('main script, main img')].map(e => e.outerHTML))"); len(wrong) > 0 {
			t.Errorf("%s: %s", path, wrong)
		}
	}
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // as other languages write it
	must(t, e.Encode(v))
	return b.Bytes()
}
