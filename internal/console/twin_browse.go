package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// The twins of the pages of documents and objects.

func (c *Console) collectionTwins(r *http.Request, name, prefix, contains string) []Twin {
	here := "/v1/collections/" + url.PathEscape(name)
	if contains != "" {
		return []Twin{
			{"command line", "howdah docs find " + name + " " + quote(contains) + limit(documentsPage)},
			{"HTTP", c.post(r, here+"/find", map[string]any{"contains": json.RawMessage(contains), "limit": documentsPage})},
			{"SQL", fmt.Sprintf("select * from howdah.find(%s, %s);", literal(name), literal(contains))}}
	}
	cli, at := "howdah docs scan "+name, here+fmt.Sprintf("/documents?limit=%d", documentsPage)
	if prefix != "" {
		cli += " " + quote(prefix)
		at += "&prefix=" + url.QueryEscape(prefix)
	}
	return []Twin{{"command line", cli + limit(documentsPage)}, {"HTTP", c.get(r, at)},
		{"SQL", fmt.Sprintf("select * from howdah.scan(%s, %s);", literal(name), literal(prefix))}}
}

func limit(n int) string { return fmt.Sprintf(" --limit %d", n) }

// documentTwins read a document at the times that were chosen, and its history.
func (c *Console) documentTwins(r *http.Request, v *documentView) []Twin {
	cli := "howdah docs get " + v.Collection + " " + quote(v.Key)
	here, q := "/v1/collections/"+url.PathEscape(v.Collection)+"/documents/"+url.PathEscape(v.Key), url.Values{}
	function, arguments := "howdah.get", literal(v.Collection)+", "+literal(v.Key)
	for _, x := range []struct{ flag, parameter, text string }{{"as-of", "as_of", v.AsOf}, {"valid-at", "valid_at", v.ValidAt}} {
		t, err := parseTime(x.text)
		if err != nil || t.IsZero() {
			continue
		}
		at := t.Format(time.RFC3339Nano)
		cli += " --" + x.flag + " " + at
		q.Set(x.parameter, at)
		arguments += ", " + literal(at)
		if x.parameter == "valid_at" {
			function = "howdah.get_valid_at"
		}
	}
	at := here
	if len(q) > 0 {
		at += "?" + q.Encode()
	}
	return []Twin{{"command line", cli}, {"HTTP", c.get(r, at)}, {"SQL", "select " + function + "(" + arguments + ");"},
		{"history", "howdah docs history " + v.Collection + " " + quote(v.Key)}, {"history, HTTP", c.get(r, here+"/history")},
		{"history, SQL", fmt.Sprintf("select * from howdah.history(%s, %s);", literal(v.Collection), literal(v.Key))}}
}

func (c *Console) bucketTwins(r *http.Request, bucket, prefix string) []Twin {
	at := "/v1/buckets/" + url.PathEscape(bucket) + "/objects?delimiter=%2F"
	if prefix != "" {
		at += "&prefix=" + url.QueryEscape(prefix)
	}
	return []Twin{{"command line", "howdah objects ls " + quote("s3://"+bucket+"/"+prefix)}, {"HTTP", c.get(r, at)},
		{"SQL", fmt.Sprintf("select * from howdah.list_objects(%s, %s, '', '/', %d);", literal(bucket), literal(prefix), objectsPage)},
		{"S3", "aws s3 ls " + quote("s3://"+bucket+"/"+prefix)}}
}

func (c *Console) objectTwins(r *http.Request, bucket, key, version string) []Twin {
	parts := strings.Split(key, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	at, cli := "/v1/buckets/"+url.PathEscape(bucket)+"/objects/"+strings.Join(parts, "/"), "howdah objects cp "+quote("s3://"+bucket+"/"+key)+" ."
	s3 := "aws s3 cp " + quote("s3://"+bucket+"/"+key) + " ."
	sql := fmt.Sprintf("select howdah.get_object(%s, %s", literal(bucket), literal(key))
	name := quote("./" + path.Base(key))
	if version != "" {
		at += "?version=" + url.QueryEscape(version)
		cli = fmt.Sprintf("howdah objects cat %s --version %s > %s", quote(bucket+"/"+key), quote(version), name)
		s3 = fmt.Sprintf("aws s3api get-object --bucket %s --key %s --version-id %s %s", bucket, quote(key), quote(version), name)
		sql += ", " + literal(version)
	}
	return []Twin{{"command line", cli}, {"HTTP", c.curl() + " -o " + name + " " + address(r, at)}, {"SQL", sql + ");"}, {"S3", s3}}
}
