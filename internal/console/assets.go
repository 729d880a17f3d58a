package console

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

// assets are the files of static, under names that carry a hash of their content, so that browsers may keep them.
type assets struct {
	byName map[string]string // style.css -> /static/style.1a2b3c4d.css
	byPath map[string][]byte
}

func loadAssets() *assets {
	a := &assets{byName: map[string]string{}, byPath: map[string][]byte{}}
	names, err := fs.Glob(files, "static/*")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	for _, name := range names {
		body, err := files.ReadFile(name)
		if err != nil {
			panic(err) // embedded, so it is there
		}
		if path.Ext(name) == ".css" {
			body = append(body, positions()...)
		}
		sum := sha256.Sum256(body)
		base := path.Base(name)
		ext := path.Ext(base)
		a.byName[base] = "/static/" + strings.TrimSuffix(base, ext) + "." + hex.EncodeToString(sum[:6]) + ext
		a.byPath[a.byName[base]] = body
	}
	return a
}

// positions are classes for places along an axis and for widths in percent: the content security policy allows no style
// attributes.
func positions() []byte {
	var b bytes.Buffer
	for i := range 101 {
		fmt.Fprintf(&b, ".at%d{left:%d%%}.w%d{width:%d%%}.up%d{bottom:%d%%}\n", i, i, i, i, i, i)
	}
	return b.Bytes()
}

func (a *assets) url(name string) string { return a.byName[name] }

func (a *assets) serves(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/static/") }

func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, ok := a.byPath[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(r.URL.Path)))
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}
