package console

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/howdah/howdah"
)

type bucketsView struct {
	Base
	Buckets []howdah.BucketInfo
	Counted bool
	Twins   []Twin
}

func (c *Console) buckets(r *http.Request) (view, error) {
	v := &bucketsView{Base: c.base(r, "Objects"), Counted: true}
	v.Section = "objects"
	v.Twins = []Twin{{"command line", "howdah objects ls"}, {"HTTP", c.get(r, "/v1/buckets")}, {"SQL", "select * from howdah.buckets;"}, {"S3", "aws s3 ls"}}
	var err error
	v.Buckets, err = cached(&c.cache, "buckets", func() ([]howdah.BucketInfo, error) {
		ctx, cancel := context.WithTimeout(r.Context(), 250*time.Millisecond) // it counts: names alone where that takes long
		defer cancel()
		return c.DB.Buckets(ctx)
	})
	if err == nil {
		return v, nil
	}
	v.Counted, v.Buckets = false, nil
	names, created, err := c.DB.BucketNames(r.Context())
	for i, name := range names {
		v.Buckets = append(v.Buckets, howdah.BucketInfo{Bucket: name, CreatedAt: created[i]})
	}
	return v, err
}

// Crumb is a step of the way to a folder.
type Crumb struct{ Name, URL string }

type bucketView struct {
	Base
	Bucket  string
	Config  howdah.BucketConfig
	Prefix  string
	Crumbs  []Crumb
	Entries []Entry
	Next    string
	Twins   []Twin
}

// Entry is a line of a folder: a folder in it, or an object.
type Entry struct {
	Name   string
	URL    string
	Object *howdah.ObjectInfo
}

const objectsPage = 100

func (c *Console) bucket(r *http.Request) (view, error) {
	q := r.URL.Query()
	v := &bucketView{Base: c.base(r, r.PathValue("bucket")), Bucket: r.PathValue("bucket"), Prefix: q.Get("prefix")}
	v.Section = "objects"
	b := c.DB.Bucket(v.Bucket)
	var err error
	if v.Config, err = b.Config(r.Context()); err != nil {
		return nil, err
	}
	page, err := b.ListPage(r.Context(), v.Prefix, q.Get("after"), "/", objectsPage)
	if err != nil {
		return nil, err
	}
	here := "/objects/" + url.PathEscape(v.Bucket)
	for _, e := range page {
		entry := Entry{Name: strings.TrimPrefix(e.Key, v.Prefix), Object: e.Object, URL: here + "?prefix=" + url.QueryEscape(e.Key)}
		if e.Object != nil {
			entry.URL = objectURL(v.Bucket, e.Key, "")
		}
		v.Entries = append(v.Entries, entry)
	}
	if len(page) == objectsPage {
		q.Set("after", page[objectsPage-1].Key)
		v.Next = "?" + q.Encode()
	}
	v.Crumbs = append(v.Crumbs, Crumb{v.Bucket, here})
	for i, ch := range v.Prefix {
		if ch == '/' {
			part := v.Prefix[:i+1]
			v.Crumbs = append(v.Crumbs, Crumb{path.Base(part), here + "?prefix=" + url.QueryEscape(part)})
		}
	}
	v.Twins = c.bucketTwins(r, v.Bucket, v.Prefix)
	return v, nil
}

func objectURL(bucket, key, version string) string {
	s := "/objects/" + url.PathEscape(bucket) + "/object?key=" + url.QueryEscape(key)
	if version != "" {
		s += "&version=" + url.QueryEscape(version)
	}
	return s
}

type objectView struct {
	Base
	Info     howdah.ObjectInfo
	Name     string
	Folder   Crumb
	Download string
	Versions []Entry
	Text     []byte
	Cut      bool
	Twins    []Twin
}

const (
	textShown     = 128 << 10
	versionsShown = 50
)

func (c *Console) object(r *http.Request) (view, error) {
	bucket, key, version := r.PathValue("bucket"), r.URL.Query().Get("key"), r.URL.Query().Get("version")
	v := &objectView{Base: c.base(r, path.Base(key)), Name: path.Base(key)}
	v.Section = "objects"
	b := c.DB.Bucket(bucket)
	info, err := b.Head(r.Context(), key, versionOf(version)...)
	if err != nil {
		return nil, err
	}
	v.Info = info
	folder := key[:strings.LastIndexByte(key, '/')+1]
	v.Folder = Crumb{bucket + "/" + folder, "/objects/" + url.PathEscape(bucket) + "?prefix=" + url.QueryEscape(folder)}
	v.Download = strings.Replace(objectURL(bucket, key, version), "/object?", "/download?", 1)
	if info.Versioned {
		page, err := b.VersionsPage(r.Context(), key, "", "", "", versionsShown)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			if e.Object != nil && e.Key == key {
				v.Versions = append(v.Versions, Entry{Name: e.Object.VersionID, URL: objectURL(bucket, key, e.Object.VersionID), Object: e.Object})
			}
		}
	}
	if readable(info) && info.Size > 0 {
		o, err := b.Open(r.Context(), key, versionOf(version)...)
		if err != nil {
			return nil, err
		}
		defer func() { _ = o.Close() }()
		if v.Text, err = io.ReadAll(io.LimitReader(o, textShown)); err != nil {
			return nil, err
		}
		v.Cut = info.Size > textShown
		if bytes.IndexByte(v.Text, 0) >= 0 {
			v.Text = nil
		}
	}
	v.Twins = c.objectTwins(r, bucket, key, version)
	return v, nil
}

func versionOf(id string) []howdah.ObjectOption {
	if id == "" {
		return nil
	}
	return []howdah.ObjectOption{howdah.Version(id)}
}

// readable says whether an object is text that may be shown.
func readable(info howdah.ObjectInfo) bool {
	media, _, _ := mime.ParseMediaType(info.ContentType)
	ext := strings.ToLower(path.Ext(info.Key))
	return strings.HasPrefix(media, "text/") || media == "application/json" || strings.HasSuffix(media, "+json") || media == "application/x-ndjson" ||
		ext == ".json" || ext == ".ndjson" || ext == ".csv" || ext == ".txt" || ext == ".toml" || ext == ".md"
}

// download sends an object's bytes as a file: never as a page of this origin.
func (c *Console) download(w http.ResponseWriter, r *http.Request) {
	key := r.URL.Query().Get("key")
	o, err := c.DB.Bucket(r.PathValue("bucket")).Open(r.Context(), key, versionOf(r.URL.Query().Get("version"))...)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	defer func() { _ = o.Close() }()
	info := o.Info()
	h := w.Header()
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(key)}))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Content-Type", "application/octet-stream")
	if info.ContentType != "" {
		h.Set("Content-Type", info.ContentType)
	}
	if info.ETag != "" {
		h.Set("ETag", `"`+info.ETag+`"`)
	}
	http.ServeContent(w, r, "", info.ModifiedAt, o)
}
