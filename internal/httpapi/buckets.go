package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/howdah/howdah"
)

// BucketPath names a bucket in a path.
type BucketPath struct {
	Bucket string `path:"bucket" doc:"The bucket's name."`
}

type newBucket struct {
	Body struct {
		Bucket     string `json:"bucket" doc:"The name, by S3's rule: 3 to 63 small letters, digits, dots and hyphens."`
		Versioning bool   `json:"versioning,omitempty" doc:"Keep what is replaced and deleted as versions."`
		Quota      int64  `json:"quota,omitempty" minimum:"0" doc:"Most bytes, all versions counted; default none."`
	}
}

type bucketList struct {
	Buckets []howdah.BucketInfo `json:"buckets"`
}

type bucketAnswer struct {
	Bucket string `json:"bucket"`
	howdah.BucketConfig
}

type listInput struct {
	BucketPath
	Prefix    string `query:"prefix" doc:"Only keys that begin with it."`
	After     string `query:"after" doc:"Begin after this key or common prefix."`
	Delimiter string `query:"delimiter" doc:"Put together what has it after the prefix, such as /."`
	Limit     int    `query:"limit" default:"100" minimum:"1" maximum:"1000"`
}

type objectPage struct {
	Objects  []howdah.ObjectInfo `json:"objects"`
	Prefixes []string            `json:"prefixes" doc:"What the keys of several objects have in common up to the delimiter."`
	After    string              `json:"after" doc:"Ask with this for the next page; empty: this was the last one."`
}

func (a *api) bucketRoutes() {
	huma.Register(a.huma, a.op(http.MethodGet, "/v1/buckets", "list-buckets", "List buckets and what they hold", "objects"),
		func(ctx context.Context, _ *none) (*answer[bucketList], error) {
			all, err := a.DB.Buckets(ctx)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			return &answer[bucketList]{bucketList{notNil(all)}}, nil
		})
	create := a.op(http.MethodPost, "/v1/buckets", "create-bucket", "Create a bucket; the same again is no error", "objects")
	create.DefaultStatus = http.StatusCreated
	huma.Register(a.huma, create, func(ctx context.Context, in *newBucket) (*answer[bucketAnswer], error) {
		b, err := a.DB.CreateBucket(ctx, in.Body.Bucket, howdah.Versioning(in.Body.Versioning), howdah.Quota(in.Body.Quota))
		if err != nil {
			return nil, a.fail(ctx, err)
		}
		return a.describeBucket(ctx, b)
	})
	huma.Register(a.huma, a.op(http.MethodGet, "/v1/buckets/{bucket}", "get-bucket", "Describe a bucket", "objects"),
		func(ctx context.Context, in *BucketPath) (*answer[bucketAnswer], error) {
			return a.describeBucket(ctx, a.DB.Bucket(in.Bucket))
		})
	huma.Register(a.huma, a.op(http.MethodDelete, "/v1/buckets/{bucket}", "drop-bucket", "Drop an empty bucket", "objects"),
		func(ctx context.Context, in *BucketPath) (*none, error) {
			return nil, a.fail(ctx, a.DB.DropBucket(ctx, in.Bucket))
		})
	huma.Register(a.huma, a.op(http.MethodGet, "/v1/buckets/{bucket}/objects", "list-objects", "List objects a page at a time", "objects"),
		func(ctx context.Context, in *listInput) (*answer[objectPage], error) {
			entries, err := a.DB.Bucket(in.Bucket).ListPage(ctx, in.Prefix, in.After, in.Delimiter, in.Limit+1)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			page := objectPage{Objects: []howdah.ObjectInfo{}, Prefixes: []string{}}
			if len(entries) > in.Limit {
				entries = entries[:in.Limit]
				page.After = entries[in.Limit-1].Key
			}
			for _, e := range entries {
				if e.Object != nil {
					page.Objects = append(page.Objects, *e.Object)
				} else {
					page.Prefixes = append(page.Prefixes, e.Key)
				}
			}
			return &answer[objectPage]{page}, nil
		})
}

func (a *api) describeBucket(ctx context.Context, b *howdah.Bucket) (*answer[bucketAnswer], error) {
	c, err := b.Config(ctx)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	return &answer[bucketAnswer]{bucketAnswer{b.Name(), c}}, nil
}
