package server_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/howdah/howdah/server"
)

func TestObjectLinks(t *testing.T) {
	s := start(t, fresh(t), nil)
	s.do(404, "PUT", "/v1/buckets/models/objects/a", "x")
	s.do(201, "POST", "/v1/buckets", `{"bucket":"models","quota":10000000}`)
	s.do(201, "POST", "/v1/buckets", `{"bucket":"models","quota":10000000}`)
	s.do(409, "POST", "/v1/buckets", `{"bucket":"models"}`)
	s.do(400, "POST", "/v1/buckets", `{"bucket":"Models"}`)
	body := strings.Repeat("0123456789", 500_000)
	s.do(201, "PUT", "/v1/buckets/models/objects/curl", "x", "Content-Type", "application/x-www-form-urlencoded") // what curl says unasked
	if got := s.do(200, "GET", "/v1/buckets/models/objects", "").get("objects"); !strings.Contains(fmt.Sprint(got), "octet-stream") {
		t.Errorf("curl's object: %v", got)
	}
	s.do(204, "DELETE", "/v1/buckets/models/objects/curl", "")
	info := s.do(201, "PUT", "/v1/buckets/models/objects/deep/a%20b", body, "Content-Type", "text/html", "X-Meta-Color", "blue")
	s.want("size", info.get("size"), 5e6)
	s.want("key", info.get("key"), "deep/a b")
	s.want("metadata", info.get("metadata", "color"), "blue")
	get := func(want int, header ...string) string {
		t.Helper()
		resp, err := s.send("GET", "/v1/buckets/models/objects/deep/a%20b", "", header...)
		must(t, err)
		defer func() { _ = resp.Body.Close() }()
		b, err := io.ReadAll(resp.Body)
		must(t, err)
		if resp.StatusCode != want {
			t.Errorf("%v: %d, want %d", header, resp.StatusCode, want)
		}
		if want == 200 && (resp.Header.Get("Content-Type") != "text/html" || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "sandbox")) {
			t.Errorf("%v", resp.Header)
		}
		return string(b)
	}
	if got := get(200); got != body {
		t.Errorf("%d bytes", len(got))
	}
	s.want("range", get(206, "Range", "bytes=4999995-"), "56789")
	etag, _ := info.get("etag").(string)
	get(304, "If-None-Match", `"`+etag+`"`)
	get(412, "If-Match", `"other"`)
	s.want("exists", s.do(412, "PUT", "/v1/buckets/models/objects/deep/a%20b", "x", "If-None-Match", "*").get("code"), "condition")
	s.want("quota", s.do(507, "PUT", "/v1/buckets/models/objects/more", body+"x").get("code"), "quota")
	s.do(201, "PUT", "/v1/buckets/models/objects/b", "")
	page := s.do(200, "GET", "/v1/buckets/models/objects?delimiter=/&limit=1", "")
	s.want("objects", len(page.get("objects").([]any)), 1)
	page = s.do(200, "GET", "/v1/buckets/models/objects?delimiter=/&limit=1&after="+page.get("after").(string), "")
	s.want("prefix", page.get("prefixes", 0), "deep/")
	s.want("after", page.get("after"), "")
	s.want("bytes", s.do(200, "GET", "/v1/buckets", "").get("buckets", 0, "bytes"), 5e6)
	s.do(409, "DELETE", "/v1/buckets/models", "")
	s.do(204, "DELETE", "/v1/buckets/models/objects/deep/a%20b", "")
	s.do(204, "DELETE", "/v1/buckets/models/objects/b", "")
	s.do(404, "GET", "/v1/buckets/models/objects/b", "")
	s.do(204, "DELETE", "/v1/buckets/models", "")
}

// TestStalledUpload: a body of which nothing more arrives is given up, and nothing has changed.
func TestStalledUpload(t *testing.T) {
	s := start(t, fresh(t), func(c *server.Config) { c.Idle = 200 * time.Millisecond })
	s.do(201, "POST", "/v1/buckets", `{"bucket":"models"}`)
	for _, sent := range []int{0, 10, 500_000} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		must(t, err)
		must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		_, err = fmt.Fprintf(conn, "PUT /v1/buckets/models/objects/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n%s", strings.Repeat("x", sent))
		must(t, err)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		must(t, err)
		answer, err := io.ReadAll(resp.Body)
		must(t, err)
		if resp.StatusCode != http.StatusRequestTimeout || !strings.Contains(string(answer), `"stalled"`) {
			t.Errorf("%d bytes: %d %s", sent, resp.StatusCode, answer)
		}
		must(t, conn.Close())
	}
	s.do(404, "GET", "/v1/buckets/models/objects/a", "")
}

// TestAwkwardKeys: a link names the object that it spells, whatever is in the key; nothing is tidied up.
func TestAwkwardKeys(t *testing.T) {
	s := start(t, fresh(t), nil)
	s.do(201, "POST", "/v1/buckets", `{"bucket":"awkward"}`)
	const link = "/v1/buckets/awkward/objects/"
	keys := map[string]string{ // by how they are written in a link
		"..": "..", ".": ".", "a/../b": "a/../b", "a/./b": "a/./b", "../../../etc/passwd": "../../../etc/passwd", "a//b": "a//b", "/a": "/a", "//": "//",
		"a/": "a/", "%2e%2e/c": "../c", "d%2F..%2Fe": "d/../e", "100%25": "100%", "100%2525": "100%25", "a+b": "a+b", "a%20b": "a b", "q%3Fx=1&y=2%23z": "q?x=1&y=2#z",
		"%C3%BCn%C3%AF/%E6%BC%A2/%F0%9F%90%98": "ünï/漢/🐘", "%5C": "\\", "new%0Aline": "new\nline", "objects/objects/": "objects/objects/",
		strings.Repeat("k", 1024): strings.Repeat("k", 1024),
	}
	for path, key := range keys {
		s.want("key", s.do(201, "PUT", link+path, "["+key).get("key"), key)
	}
	listed := s.do(200, "GET", "/v1/buckets/awkward/objects", "").get("objects").([]any)
	s.want("objects", len(listed), len(keys))
	for path, key := range keys {
		resp, err := s.send("GET", link+path, "")
		must(t, err)
		body, err := io.ReadAll(resp.Body)
		must(t, errors.Join(err, resp.Body.Close()))
		if resp.StatusCode != 200 || string(body) != "["+key {
			t.Errorf("%q: %d %q", key, resp.StatusCode, body)
		}
		s.do(204, "DELETE", link+path, "")
		s.do(404, "GET", link+path, "")
	}
	for path, code := range map[string]string{"": "invalid", strings.Repeat("k", 1025): "invalid", "a%00b": "invalid", "%ff": "invalid"} {
		s.want("code of "+path, s.do(400, "PUT", link+path, "x").get("code"), code)
	}
	s.do(405, "POST", link+"a", "x")
	s.want("objects", len(s.do(200, "GET", "/v1/buckets/awkward/objects", "").get("objects").([]any)), 0)
}
