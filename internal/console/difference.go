package console

import (
	"bytes"
	"encoding/json"
	"sort"
	"strconv"
	"strings"
)

// Difference is a member of a document that another version has differently.
type Difference struct {
	Path     string
	Kind     string // added, removed, changed
	Was, Now string
}

// differences compares two JSON documents member by member; nil is a document that is not there.
func differences(was, now json.RawMessage) []Difference {
	a, b := map[string]string{}, map[string]string{}
	flatten("", was, a)
	flatten("", now, b)
	var all []Difference
	for path, old := range a {
		if current, ok := b[path]; !ok {
			all = append(all, Difference{path, "removed", old, ""})
		} else if current != old {
			all = append(all, Difference{path, "changed", old, current})
		}
	}
	for path, current := range b {
		if _, ok := a[path]; !ok {
			all = append(all, Difference{path, "added", "", current})
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Path < all[j].Path })
	return all
}

// flatten writes the leaves of a document under their paths.
func flatten(path string, doc json.RawMessage, into map[string]string) {
	doc = bytes.TrimSpace(doc)
	if len(doc) == 0 {
		return
	}
	switch doc[0] {
	case '{':
		var members map[string]json.RawMessage
		if json.Unmarshal(doc, &members) == nil && (len(members) > 0 || path == "") {
			for name, v := range members {
				flatten(strings.TrimPrefix(path+"."+name, "."), v, into)
			}
			return
		}
	case '[':
		var items []json.RawMessage
		if json.Unmarshal(doc, &items) == nil && len(items) > 0 {
			for i, v := range items {
				flatten(path+"["+strconv.Itoa(i)+"]", v, into)
			}
			return
		}
	}
	into[path] = string(doc)
}
