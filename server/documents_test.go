package server_test

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestDocuments(t *testing.T) {
	s := start(t, fresh(t), nil)
	s.want("changes", s.do(201, "POST", "/v1/collections", `{"collection":"customers","changes":"customers.changes"}`).get("changes"), "customers.changes")
	const doc = "/v1/collections/customers/documents/"
	s.want("version", s.do(200, "PUT", doc+"c%2F1", `{"city":"Milwaukee","big":12345678901234567890}`).get("version"), 1)
	first := s.do(200, "GET", doc+"c%2F1", "")
	s.want("key", first.get("key"), "c/1")
	s.want("city", first.get("doc", "city"), "Milwaukee")
	s.want("version", s.do(200, "PATCH", doc+"c%2F1?if_version=1", `{"city":"Chicago"}`, "Content-Type", "application/merge-patch+json").get("version"), 2)
	s.want("conflict", s.do(409, "PUT", doc+"c%2F1?if_version=1", `{}`).get("code"), "version")
	s.want("as of", s.do(200, "GET", doc+"c%2F1?as_of="+first.get("known_at").(string), "").get("doc", "city"), "Milwaukee")
	s.do(200, "POST", "/v1/collections/customers/documents", `{"documents":[{"key":"a","doc":{"city":"Oslo"}},{"key":"b","doc":{"city":"Oslo"},"valid_from":"2026-01-01T00:00:00Z"}]}`)
	s.want("found", len(s.do(200, "POST", "/v1/collections/customers/find", `{"contains":{"city":"Oslo"}}`).get("documents").([]any)), 2)
	page := s.do(200, "GET", "/v1/collections/customers/documents?limit=2", "")
	s.want("after", page.get("after"), "b")
	s.want("second page", s.do(200, "GET", "/v1/collections/customers/documents?limit=2&after=b", "").get("documents", 0, "key"), "c/1")
	s.want("many", len(s.do(200, "POST", "/v1/collections/customers/get", `{"keys":["a","b","x"]}`).get("documents").([]any)), 2)
	joined := s.do(200, "POST", "/v1/collections/customers/as_of", `{"points":[{"key":"b","time":"2026-01-02T00:00:00Z"},{"key":"b","time":"2100-01-02T00:00:00Z"}]}`)
	s.want("known only later", joined.get("documents", 0, "doc"), nil)
	s.want("known", joined.get("documents", 1, "doc", "city"), "Oslo")
	s.want("deleted", s.do(200, "DELETE", doc+"a", "").get("deleted"), true)
	s.want("deleted", s.do(200, "DELETE", doc+"a", "").get("deleted"), false)
	s.want("versions", len(s.do(200, "GET", doc+"a/history", "").get("versions").([]any)), 2)
	s.want("events", len(s.do(200, "GET", "/v1/topics/customers.changes/events", "").get("events").([]any)), 5)

	for _, x := range []struct {
		status                    int
		method, path, body, words string
	}{
		{404, "GET", doc + "a", "", "no document"},
		{404, "GET", "/v1/collections/customer/documents/a", "", "There are: customers"},
		{404, "PUT", "/v1/collections/customer/documents/a", "{}", "There are: customers"},
		{404, "PATCH", doc + "a", "{}", "no document"},
		{400, "PUT", doc + "a", "[1]", "not a JSON object"},
		{400, "PUT", doc + "a", `{"a":`, "json"},
		{400, "PUT", doc + "a?valid_from=2026-01-01T00:00:00", "{}", "zone"},
		{400, "PUT", doc + "a?known_at=2026-01-01T00:00:00Z", "{}", "from the clock"},
		{400, "PUT", doc + "a?if_version=one", "{}", "if_version"},
		{400, "PUT", doc + strings.Repeat("k", 1025), "{}", "1,024 bytes"},
		{400, "POST", "/v1/collections", `{"collection":"Not a name"}`, "a-z"},
		{409, "POST", "/v1/collections", `{"collection":"customers"}`, "differs"},
		{400, "POST", "/v1/collections/customers/find", `{"contains":[1]}`, "JSON object"},
		{400, "POST", "/v1/collections/customers/documents", `{"documents":[{"key":"q","doc":{}},{"key":"","doc":{}}]}`, "bytes"},
	} {
		o := s.do(x.status, x.method, x.path, x.body)
		if text, _ := json.Marshal(o); !strings.Contains(strings.ToLower(string(text)), strings.ToLower(x.words)) {
			t.Errorf("%s %s %s: %s does not say %q", x.method, x.path, x.body, text, x.words)
		}
	}
	s.do(404, "GET", doc+"q", "")
	s.do(204, "DELETE", "/v1/collections/customers", "")
}
