package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/howdah/howdah"
)

// CollectionPath names a collection in a path.
type CollectionPath struct {
	Collection string `path:"collection" doc:"The collection's name."`
}

type newCollection struct {
	Body struct {
		Collection string `json:"collection" doc:"The name: [a-z][a-z0-9_.-]{0,62}."`
		Changes    string `json:"changes,omitempty" doc:"A topic that every change is published to, in the same transaction."`
		KnownAt    string `json:"known_at,omitempty" enum:"clock,given" doc:"given: writes may state when a version became known. Default clock."`
	}
}

type collectionList struct {
	Collections []howdah.CollectionInfo `json:"collections"`
}

type documentPage struct {
	Documents []howdah.Document `json:"documents"`
	After     string            `json:"after,omitempty" doc:"Ask with this for the next page; none: there is no more."`
}

func pageOf(found []howdah.Document, limit int) documentPage {
	p := documentPage{Documents: notNil(found)}
	if len(found) == limit {
		p.After = found[limit-1].Key
	}
	return p
}

type scanInput struct {
	CollectionPath
	Prefix string `query:"prefix" doc:"Only keys that start with this."`
	After  string `query:"after" doc:"Only keys after this one."`
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"10000"`
}

type findDocumentsInput struct {
	CollectionPath
	Body struct {
		Contains json.RawMessage `json:"contains" doc:"What a document must contain, such as {\"city\": \"Milwaukee\"}."`
		After    string          `json:"after,omitempty" doc:"Only keys after this one."`
		Limit    int             `json:"limit,omitempty" minimum:"1" maximum:"10000" doc:"Default 100."`
	}
}

func (a *api) collectionRoutes() {
	const path = "/v1/collections/{collection}"
	huma.Register(a.huma, a.op(http.MethodGet, "/v1/collections", "list-collections", "List collections", "documents"),
		func(ctx context.Context, _ *none) (*answer[collectionList], error) {
			all, err := a.DB.Collections(ctx)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			return &answer[collectionList]{collectionList{notNil(all)}}, nil
		})
	huma.Register(a.huma, a.op(http.MethodGet, path, "get-collection", "Describe a collection", "documents"),
		func(ctx context.Context, in *CollectionPath) (*answer[howdah.CollectionInfo], error) {
			return a.collectionInfo(ctx, in.Collection)
		})
	create := a.op(http.MethodPost, "/v1/collections", "create-collection", "Create a collection; the same again is no error", "documents")
	create.DefaultStatus = http.StatusCreated
	huma.Register(a.huma, create, func(ctx context.Context, in *newCollection) (*answer[howdah.CollectionInfo], error) {
		var options []howdah.CollectionOption
		if in.Body.Changes != "" {
			options = append(options, howdah.PublishChanges(in.Body.Changes))
		}
		if in.Body.KnownAt == "given" {
			options = append(options, howdah.GivenTimes())
		}
		if _, err := a.DB.CreateCollection(ctx, in.Body.Collection, options...); err != nil {
			return nil, a.fail(ctx, err)
		}
		return a.collectionInfo(ctx, in.Body.Collection)
	})
	huma.Register(a.huma, a.op(http.MethodDelete, path, "drop-collection", "Drop a collection with its documents and their history", "documents"),
		func(ctx context.Context, in *CollectionPath) (*none, error) {
			return nil, a.fail(ctx, a.DB.DropCollection(ctx, in.Collection))
		})
	huma.Register(a.huma, a.op(http.MethodGet, path+"/documents", "scan-documents", "Read documents in the order of their keys", "documents"),
		func(ctx context.Context, in *scanInput) (*answer[documentPage], error) {
			found, err := a.DB.Collection(in.Collection).ScanPage(ctx, in.Prefix, in.After, in.Limit)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			return &answer[documentPage]{pageOf(found, in.Limit)}, nil
		})
	huma.Register(a.huma, a.op(http.MethodPost, path+"/find", "find-documents", "Find documents that contain a value", "documents"),
		func(ctx context.Context, in *findDocumentsInput) (*answer[documentPage], error) {
			limit := in.Body.Limit
			if limit == 0 {
				limit = 100
			}
			found, err := a.DB.Collection(in.Collection).FindPage(ctx, in.Body.Contains, in.Body.After, limit)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			return &answer[documentPage]{pageOf(found, limit)}, nil
		})
}

func (a *api) collectionInfo(ctx context.Context, name string) (*answer[howdah.CollectionInfo], error) {
	info, err := a.DB.Collection(name).Info(ctx)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	return &answer[howdah.CollectionInfo]{info}, nil
}
