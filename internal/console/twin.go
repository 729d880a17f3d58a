package console

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// Twin is the same action somewhere else.
type Twin struct{ Where, Command string }

// address is where the API answers, as the visitor's machine reaches it.
func address(r *http.Request, path string) string {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return quote(scheme + "://" + r.Host + path)
}

// quote writes a word for a shell.
func quote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+=,", r))
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// literal writes a text for SQL.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// curl is the program with what the server asks for. The token stays in its variable.
func (c *Console) curl() string {
	if c.Token == "" {
		return "curl"
	}
	return `curl -H "Authorization: Bearer $HOWDAH_TOKEN"`
}

func (c *Console) get(r *http.Request, path string) string { return c.curl() + " " + address(r, path) }

func (c *Console) post(r *http.Request, path string, body any) string {
	s := c.curl() + " -X POST " + address(r, path)
	if body != nil {
		b, _ := json.Marshal(body)
		s += " -d " + quote(string(b))
	}
	return s
}

func (c *Console) findTwins(r *http.Request, topic string, f searchForm) []Twin {
	cli, q, sql := "howdah find "+topic, url.Values{}, "select * from howdah.find_ids("+literal(topic)
	until := f.Until
	if until == "" {
		until = f.ID
	}
	add := func(flag, parameter, value string) {
		if value != "" {
			cli += " --" + flag + " " + quote(value)
			q.Set(parameter, value)
		}
	}
	add("until", "until", until)
	add("key", "key", f.Key)
	add("contains", "contains", f.Contains)
	for _, t := range []struct{ name, text string }{{"since", f.Since}, {"before", f.Before}} {
		if at, err := parseTime(t.text); err == nil && !at.IsZero() {
			add(t.name, t.name, at.Format("2006-01-02T15:04:05Z07:00"))
		}
	}
	if until != "" {
		sql += ", until_id => " + literal(until)
	}
	if f.Key != "" {
		sql += ", key => " + literal(f.Key)
	}
	if f.Contains != "" {
		sql += ", contains => " + literal(f.Contains)
	}
	path := "/v1/topics/" + topic + "/find"
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return []Twin{{"command line", cli}, {"HTTP", c.get(r, path)}, {"SQL", sql + ");"}}
}
