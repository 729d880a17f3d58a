package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/howdah/howdah"
)

func (a *app) objectsCommand() *cobra.Command {
	return group("objects", "List, copy, show and remove objects; make and drop buckets",
		a.objectsLsCommand(), a.objectsCpCommand(), a.objectsCatCommand(), a.objectsRmCommand(), a.objectsMbCommand(), a.objectsRbCommand())
}

// place is a bucket, or an object or a prefix in it: s3://bucket/key, or bucket/key where nothing else can be meant.
type place struct{ bucket, key string }

func placeOf(text string) (place, error) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(text, "s3://"), "/")
	if bucket == "" {
		return place{}, usageError{fmt.Errorf("%q names no bucket: write s3://bucket/key", text)}
	}
	return place{bucket, key}, nil
}

// objectOf is placeOf for an object.
func objectOf(text string) (place, error) {
	p, err := placeOf(text)
	if err == nil && p.key == "" {
		err = usageError{fmt.Errorf("%q names no object: write s3://bucket/key", text)}
	}
	return p, err
}

func (p place) String() string { return "s3://" + p.bucket + "/" + p.key }

func (a *app) objectsLsCommand() *cobra.Command {
	var recursive, versions bool
	cmd := &cobra.Command{
		Use:     "ls [BUCKET[/PREFIX]]",
		Short:   "List buckets, or the objects of one",
		Example: "  howdah objects ls\n  howdah objects ls s3://models/fraud/\n  howdah objects ls models --recursive --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.show(cmd.Context(), "no buckets yet; create one with `howdah objects mb NAME`",
					[]string{"bucket", "objects", "versions", "bytes", "quota", "versioning", "uploads"},
					"select bucket, objects, versions, bytes, quota, versioning, uploads, created_at from howdah.buckets")
			}
			p, err := placeOf(args[0])
			if err != nil {
				return err
			}
			db, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			return a.listObjects(cmd, db.Bucket(p.bucket), p.key, recursive, versions)
		},
	}
	cmd.Flags().BoolVarP(&recursive, "recursive", "r", false, "all objects, not only those up to the next slash")
	cmd.Flags().BoolVar(&versions, "versions", false, "all versions, deletions among them")
	return cmd
}

// listObjects prints page after page, so that a bucket of any size needs no memory.
func (a *app) listObjects(cmd *cobra.Command, b *howdah.Bucket, prefix string, recursive, versions bool) error {
	delimiter := "/"
	if recursive {
		delimiter = ""
	}
	for key, version := "", ""; ; {
		var page []howdah.ObjectEntry
		var err error
		if versions {
			page, err = b.VersionsPage(cmd.Context(), prefix, key, version, delimiter, 1000)
		} else {
			page, err = b.ListPage(cmd.Context(), prefix, key, delimiter, 1000)
		}
		if err != nil {
			return err
		}
		for _, e := range page {
			if key, version = e.Key, ""; e.Object != nil {
				version = e.Object.VersionID
			}
			if err := a.printEntry(e, versions); err != nil {
				return err
			}
		}
		if len(page) < 1000 {
			return nil
		}
	}
}

func (a *app) printEntry(e howdah.ObjectEntry, versions bool) error {
	var err error
	switch o := e.Object; {
	case a.json && o == nil:
		return a.printJSON(map[string]string{"prefix": e.Key})
	case a.json:
		return a.printJSON(o)
	case o == nil:
		_, err = fmt.Fprintf(a.Out, "%20s %14s %s\n", "", "", e.Key)
	case versions:
		size := thousands(o.Size)
		if o.Marker {
			size = "deleted"
		}
		_, err = fmt.Fprintf(a.Out, "%s %14s %-16s %s\n", o.ModifiedAt.Format(time.RFC3339), size, o.VersionID, e.Key)
	default:
		_, err = fmt.Fprintf(a.Out, "%s %14s %s\n", o.ModifiedAt.Format(time.RFC3339), thousands(o.Size), e.Key)
	}
	return err
}

func (a *app) objectsCatCommand() *cobra.Command {
	var version string
	cmd := &cobra.Command{
		Use:   "cat BUCKET/KEY",
		Short: "Write an object to standard output",
		Args:  exactly("BUCKET/KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := objectOf(args[0])
			if err != nil {
				return err
			}
			db, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			o, err := db.Bucket(p.bucket).Open(cmd.Context(), p.key, versionOf(version)...)
			if err != nil {
				return err
			}
			defer func() { _ = o.Close() }()
			_, err = io.Copy(a.Out, o)
			return err
		},
	}
	cmd.Flags().StringVar(&version, "version", "", "a `version` of the object instead of the latest")
	return cmd
}

// versionOf is the option for --version; none is the latest.
func versionOf(version string) []howdah.ObjectOption {
	if version == "" {
		return nil
	}
	return []howdah.ObjectOption{howdah.Version(version)}
}

func (a *app) objectsRmCommand() *cobra.Command {
	var recursive bool
	var version string
	cmd := &cobra.Command{
		Use:   "rm BUCKET/KEY",
		Short: "Delete an object, or with --recursive all below a prefix",
		Args:  exactly("BUCKET/KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := placeOf(args[0])
			if err == nil && !recursive {
				p, err = objectOf(args[0])
			}
			if err != nil {
				return err
			}
			db, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			b, n := db.Bucket(p.bucket), int64(0)
			if !recursive {
				ok, err := b.Delete(cmd.Context(), p.key, versionOf(version)...)
				if err == nil && !ok {
					err = fmt.Errorf("there is no object %s", p)
				}
				if err != nil {
					return err
				}
				n = 1
			} else if version != "" {
				return usageError{errors.New("--version and --recursive exclude each other")}
			} else {
				for o, err := range b.List(cmd.Context(), p.key) {
					if err == nil {
						_, err = b.Delete(cmd.Context(), o.Key)
					}
					if err != nil {
						return err
					}
					n++
				}
			}
			_, err = fmt.Fprintln(a.Out, count(n, "object"), "deleted")
			return err
		},
	}
	cmd.Flags().BoolVarP(&recursive, "recursive", "r", false, "all objects whose keys begin with KEY")
	cmd.Flags().StringVar(&version, "version", "", "delete that `version` for good")
	return cmd
}

func (a *app) objectsMbCommand() *cobra.Command {
	var versioning bool
	var quota int64
	cmd := &cobra.Command{
		Use:   "mb BUCKET",
		Short: "Make a bucket: view objects.BUCKET, whose rights are those of the bucket",
		Args:  exactly("BUCKET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var limit any
			if quota != 0 {
				limit = quota
			}
			return a.do(cmd.Context(), "bucket "+args[0]+" is ready", "select howdah.create_bucket($1::text, $2::boolean, $3::bigint)",
				strings.TrimPrefix(args[0], "s3://"), versioning, limit)
		},
	}
	cmd.Flags().BoolVar(&versioning, "versioning", false, "keep what is replaced and deleted as versions")
	cmd.Flags().Int64Var(&quota, "quota", 0, "most `bytes` that it may hold, all versions counted (default: no quota)")
	return cmd
}

func (a *app) objectsRbCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rb BUCKET",
		Short: "Drop an empty bucket",
		Args:  exactly("BUCKET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.do(cmd.Context(), "bucket "+args[0]+" is dropped", "select howdah.drop_bucket($1::text)", strings.TrimPrefix(args[0], "s3://"))
		},
	}
}

// fileSize is the size of an open file; -1 for a pipe.
func fileSize(f *os.File) int64 {
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		return info.Size()
	}
	return -1
}
