package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/howdah/howdah"
)

// DocumentPath names a document in a path.
type DocumentPath struct {
	CollectionPath
	Key string `path:"key" doc:"The document's key, escaped as URLs are (a slash is %2F)."`
}

// Terms are the terms of a write.
type Terms struct {
	ValidFrom string `query:"valid_from" doc:"Since when it is true; default: from now on."`
	KnownAt   string `query:"known_at" doc:"When it became known, in a collection whose times are given."`
	IfVersion string `query:"if_version" doc:"Only if that is its version now; 0: only if there is none."`
}

func (t Terms) options() (options []howdah.PutOption, err error) {
	for _, x := range []struct {
		name, text string
		option     func(time.Time) howdah.PutOption
	}{{"valid_from", t.ValidFrom, howdah.ValidFrom}, {"known_at", t.KnownAt, howdah.KnownAt}} {
		at, err := pointInTime(x.name, x.text)
		if err != nil {
			return nil, err
		}
		options = append(options, x.option(at))
	}
	if t.IfVersion != "" {
		v, err := strconv.ParseInt(t.IfVersion, 10, 64)
		if err != nil {
			return nil, invalid("if_version is "+strconv.Quote(t.IfVersion)+", not a number", "Give the version that you have read.")
		}
		options = append(options, howdah.IfVersion(v))
	}
	return options, nil
}

// When says of what time documents are read.
type When struct {
	AsOf    string `query:"as_of" doc:"What was known at this time of what was true at that time."`
	ValidAt string `query:"valid_at" doc:"What is known now of what was true at this time."`
	KnownBy string `query:"known_by" doc:"With valid_at: what was known at this time instead of now."`
}

func (w When) options() (options []howdah.GetOption, err error) {
	for _, x := range []struct {
		name, text string
		option     func(time.Time) howdah.GetOption
	}{{"as_of", w.AsOf, howdah.AsOf}, {"valid_at", w.ValidAt, howdah.ValidAt}, {"known_by", w.KnownBy, howdah.KnownBy}} {
		at, err := pointInTime(x.name, x.text)
		if err != nil {
			return nil, err
		}
		options = append(options, x.option(at))
	}
	return options, nil
}

type getDocumentInput struct {
	DocumentPath
	When
}

type putDocumentInput struct {
	DocumentPath
	Terms
	ExpiresAt string `query:"expires_at" doc:"When it ceases to be true by itself."`
	RawBody   []byte `contentType:"application/octet-stream"`
}

type patchDocumentInput struct {
	DocumentPath
	Terms
	RawBody []byte `contentType:"application/octet-stream"`
}

type deleteDocumentInput struct {
	DocumentPath
	Terms
}

type putDone struct {
	Key     string `json:"key"`
	Version int64  `json:"version"`
}

type deleteDone struct {
	Key     string `json:"key"`
	Deleted bool   `json:"deleted" doc:"false: there was none."`
}

type newDocument struct {
	Key       string          `json:"key"`
	Doc       json.RawMessage `json:"doc" doc:"A JSON object."`
	ValidFrom *time.Time      `json:"valid_from,omitempty"`
	KnownAt   *time.Time      `json:"known_at,omitempty"`
	ExpiresAt *time.Time      `json:"expires_at,omitempty"`
}

type putManyInput struct {
	CollectionPath
	Body struct {
		Documents []newDocument `json:"documents" minItems:"1" maxItems:"100000"`
	}
}

type putManyDone struct {
	Documents int `json:"documents"`
}

type getManyInput struct {
	CollectionPath
	When
	Body struct {
		Keys []string `json:"keys" maxItems:"100000"`
	}
}

type joinInput struct {
	CollectionPath
	Body struct {
		Points []struct {
			Key  string    `json:"key"`
			Time time.Time `json:"time"`
		} `json:"points" maxItems:"100000"`
		TTLSeconds float64    `json:"ttl_seconds,omitempty" minimum:"0" doc:"What is older counts as unknown; default: no limit."`
		KnownBy    *time.Time `json:"known_by,omitempty" doc:"Take what was known by then, instead of at each point's time."`
	}
}

type documentHistory struct {
	Versions []howdah.Document `json:"versions"`
}

func (a *api) documentRoutes() {
	const path = "/v1/collections/{collection}/documents/{key}"
	huma.Register(a.huma, a.op(http.MethodGet, path, "get-document", "Read a document", "documents"),
		func(ctx context.Context, in *getDocumentInput) (*answer[howdah.Document], error) {
			options, err := in.options()
			if err != nil {
				return nil, err
			}
			d, err := a.DB.Collection(in.Collection).Get(ctx, in.Key, options...)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			return &answer[howdah.Document]{d}, nil
		})
	put := a.op(http.MethodPut, path, "put-document", "Store a document: the body", "documents")
	put.MaxBodyBytes = a.MaxBodyBytes
	huma.Register(a.huma, put, func(ctx context.Context, in *putDocumentInput) (*answer[putDone], error) {
		options, err := in.options()
		if err != nil {
			return nil, err
		}
		expires, err := pointInTime("expires_at", in.ExpiresAt)
		if err != nil {
			return nil, err
		}
		v, err := a.DB.Collection(in.Collection).Put(ctx, in.Key, in.RawBody, append(options, howdah.ExpiresAt(expires))...)
		if err != nil {
			return nil, a.fail(ctx, err)
		}
		return &answer[putDone]{putDone{in.Key, v}}, nil
	})
	a.bodyIs(put, "application/json")
	patch := a.op(http.MethodPatch, path, "patch-document", "Merge a patch (RFC 7396) into a document", "documents")
	huma.Register(a.huma, patch,
		func(ctx context.Context, in *patchDocumentInput) (*answer[putDone], error) {
			options, err := in.options()
			if err != nil {
				return nil, err
			}
			v, err := a.DB.Collection(in.Collection).Patch(ctx, in.Key, in.RawBody, options...)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			return &answer[putDone]{putDone{in.Key, v}}, nil
		})
	a.bodyIs(patch, "application/merge-patch+json")
	huma.Register(a.huma, a.op(http.MethodDelete, path, "delete-document", "Delete a document; its history stays", "documents"),
		func(ctx context.Context, in *deleteDocumentInput) (*answer[deleteDone], error) {
			options, err := in.options()
			if err != nil {
				return nil, err
			}
			done, err := a.DB.Collection(in.Collection).Delete(ctx, in.Key, options...)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			return &answer[deleteDone]{deleteDone{in.Key, done}}, nil
		})
	huma.Register(a.huma, a.op(http.MethodGet, path+"/history", "document-history", "Every version of a document, the one known last first", "documents"),
		func(ctx context.Context, in *DocumentPath) (*answer[documentHistory], error) {
			all, err := a.DB.Collection(in.Collection).History(ctx, in.Key)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			return &answer[documentHistory]{documentHistory{notNil(all)}}, nil
		})
	a.manyDocumentsRoutes()
}

func (a *api) manyDocumentsRoutes() {
	const path = "/v1/collections/{collection}"
	putMany := a.op(http.MethodPost, path+"/documents", "put-documents", "Store many documents, all or none", "documents")
	putMany.MaxBodyBytes = a.MaxBodyBytes
	huma.Register(a.huma, putMany, func(ctx context.Context, in *putManyInput) (*answer[putManyDone], error) {
		documents := make([]howdah.Document, len(in.Body.Documents))
		for i, d := range in.Body.Documents {
			documents[i] = howdah.Document{Key: d.Key, Doc: d.Doc, ExpiresAt: d.ExpiresAt}
			if d.ValidFrom != nil {
				documents[i].ValidFrom = *d.ValidFrom
			}
			if d.KnownAt != nil {
				documents[i].KnownAt = *d.KnownAt
			}
		}
		if err := a.DB.Collection(in.Collection).PutMany(ctx, documents...); err != nil {
			return nil, a.fail(ctx, err)
		}
		return &answer[putManyDone]{putManyDone{len(documents)}}, nil
	})
	huma.Register(a.huma, a.op(http.MethodPost, path+"/get", "get-documents", "Read many documents by key; those that do not exist are left out", "documents"),
		func(ctx context.Context, in *getManyInput) (*answer[documentPage], error) {
			options, err := in.options()
			if err != nil {
				return nil, err
			}
			found, err := a.DB.Collection(in.Collection).GetMany(ctx, in.Body.Keys, options...)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			page := documentPage{Documents: []howdah.Document{}}
			for _, key := range in.Body.Keys {
				if d, ok := found[key]; ok {
					page.Documents = append(page.Documents, d)
					delete(found, key)
				}
			}
			return &answer[documentPage]{page}, nil
		})
	huma.Register(a.huma, a.op(http.MethodPost, path+"/as_of", "join-documents", "The point-in-time join of a list: what was known at each point; doc is null where nothing was", "documents"),
		func(ctx context.Context, in *joinInput) (*answer[documentPage], error) {
			points := make([]howdah.KeyTime, len(in.Body.Points))
			for i, p := range in.Body.Points {
				points[i] = howdah.KeyTime{Key: p.Key, Time: p.Time}
			}
			var options []howdah.GetOption
			if in.Body.KnownBy != nil {
				options = append(options, howdah.KnownBy(*in.Body.KnownBy))
			}
			found, err := a.DB.Collection(in.Collection).AsOfMany(ctx, points, seconds(in.Body.TTLSeconds), options...)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			return &answer[documentPage]{documentPage{Documents: notNil(found)}}, nil
		})
}

// bodyIs describes a body that PostgreSQL parses, not Huma: numbers stay as they are written.
func (a *api) bodyIs(op huma.Operation, contentType string) {
	object := &huma.Schema{Type: "object", AdditionalProperties: true}
	item := a.huma.OpenAPI().Paths[op.Path]
	body := item.Put
	if op.Method == http.MethodPatch {
		body = item.Patch
	}
	body.RequestBody.Content = map[string]*huma.MediaType{contentType: {Schema: object}}
}
