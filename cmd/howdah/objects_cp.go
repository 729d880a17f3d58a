package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/howdah/howdah"
)

func (a *app) objectsCpCommand() *cobra.Command {
	var recursive, quiet bool
	var contentType string
	cmd := &cobra.Command{
		Use:   "cp FROM TO",
		Short: "Copy files to objects, objects to files, or objects to objects",
		Long: `Copy files to objects, objects to files, or objects to objects. Objects are written
s3://bucket/key; - is standard input or output. A TO that ends with a slash, or is a
folder, keeps the name.`,
		Example: "  howdah objects cp model.bin s3://models/fraud/3\n  howdah objects cp --recursive ./data s3://batch/2026-11\n" +
			"  howdah objects cp s3://models/fraud/3 - | sha256sum",
		Args: exactly("FROM", "TO"),
		RunE: func(cmd *cobra.Command, args []string) error {
			db, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			c := copier{app: a, db: db, quiet: quiet, contentType: contentType}
			from, to := strings.HasPrefix(args[0], "s3://"), strings.HasPrefix(args[1], "s3://")
			switch {
			case from && to:
				return c.between(cmd.Context(), args[0], args[1], recursive)
			case to:
				return c.up(cmd.Context(), args[0], args[1], recursive)
			case from:
				return c.down(cmd.Context(), args[0], args[1], recursive)
			}
			return usageError{errors.New("neither FROM nor TO is an object: write s3://bucket/key")}
		},
	}
	cmd.Flags().BoolVarP(&recursive, "recursive", "r", false, "a folder, or all objects whose keys begin with FROM")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "show no progress")
	cmd.Flags().StringVar(&contentType, "content-type", "", "`type` of the objects (default: by the ending of the name)")
	return cmd
}

type copier struct {
	*app
	db          *howdah.DB
	quiet       bool
	contentType string
}

// up copies files, or standard input, to objects.
func (c copier) up(ctx context.Context, from, to string, recursive bool) error {
	p, err := placeOf(to)
	if err != nil {
		return err
	}
	if !recursive {
		if p.key == "" || strings.HasSuffix(p.key, "/") {
			if from == "-" {
				return usageError{fmt.Errorf("%q does not say the name of the object", to)}
			}
			p.key += filepath.Base(from)
		}
		return c.putFile(ctx, from, p)
	}
	return filepath.WalkDir(from, func(file string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(from, file)
		if err != nil {
			return err
		}
		return c.putFile(ctx, file, place{p.bucket, folder(p.key) + filepath.ToSlash(name)})
	})
}

func (c copier) putFile(ctx context.Context, file string, p place) error {
	in, size := c.In, int64(-1)
	if file != "-" {
		f, err := os.Open(file) //nolint:gosec // the user names it
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		in, size = f, fileSize(f)
	}
	kind := c.contentType
	if kind == "" {
		kind = mime.TypeByExtension(path.Ext(p.key))
	}
	bar := newProgress(c.app, c.quiet, []source{{name: file, size: size}})
	defer bar.finish()
	info, err := c.db.Bucket(p.bucket).Put(ctx, p.key, io.TeeReader(in, bar), howdah.Size(size), howdah.ContentType(kind))
	if err != nil {
		return err
	}
	bar.finish()
	return c.said(file, p.String(), info)
}

// down copies objects to files, or one to standard output.
func (c copier) down(ctx context.Context, from, to string, recursive bool) error {
	if recursive {
		p, err := placeOf(from)
		if err != nil {
			return err
		}
		for o, err := range c.db.Bucket(p.bucket).List(ctx, p.key) {
			if err != nil {
				return err
			}
			name, below := strings.CutPrefix(o.Key, folder(p.key))
			if !below {
				name = strings.TrimPrefix(o.Key, p.key)
			}
			if name == "" {
				name = path.Base(o.Key)
			}
			if !namesFile(name) {
				_, _ = fmt.Fprintf(c.Err, "left out: the key %q is no name of a file below %s\n", o.Key, to)
				continue
			}
			if err := c.getFile(ctx, place{p.bucket, o.Key}, filepath.Join(to, filepath.FromSlash(name))); err != nil {
				return err
			}
		}
		return nil
	}
	p, err := objectOf(from)
	if err != nil {
		return err
	}
	if info, err := os.Stat(to); to != "-" && (err == nil && info.IsDir() || strings.HasSuffix(to, "/")) {
		name := path.Base(p.key)
		if !namesFile(name) {
			return usageError{fmt.Errorf("the key %q is no name of a file: write which file it should be", p.key)}
		}
		to = filepath.Join(to, name)
	}
	return c.getFile(ctx, p, to)
}

// folder is what a prefix is, written with its slash.
func folder(key string) string {
	if key == "" || strings.HasSuffix(key, "/") {
		return key
	}
	return key + "/"
}

// namesFile says whether a key is the name of a file below a folder, and the only key that names it: a//b and a/../b do not.
func namesFile(key string) bool {
	return key != "." && path.Clean(key) == key && filepath.IsLocal(filepath.FromSlash(key))
}

// getFile writes a file beside its name first, so that what is there is whole.
func (c copier) getFile(ctx context.Context, p place, file string) (err error) {
	o, err := c.db.Bucket(p.bucket).Open(ctx, p.key)
	if err != nil {
		return err
	}
	defer func() { _ = o.Close() }()
	bar := newProgress(c.app, c.quiet || file == "-", []source{{name: p.String(), size: o.Info().Size}})
	defer bar.finish()
	if file == "-" {
		_, err = io.Copy(c.Out, o)
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // as cp does
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".howdah-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = io.Copy(io.MultiWriter(f, bar), o)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), file); err != nil {
		return err
	}
	bar.finish()
	return c.said(p.String(), file, o.Info())
}

// between copies objects without reading their bytes.
func (c copier) between(ctx context.Context, from, to string, recursive bool) error {
	source, err := placeOf(from)
	if err != nil {
		return err
	}
	target, err := placeOf(to)
	if err != nil {
		return err
	}
	b := c.db.Bucket(target.bucket)
	one := func(from, to string) error {
		info, err := b.Copy(ctx, from, to, howdah.FromBucket(source.bucket))
		if err != nil {
			return err
		}
		return c.said(place{source.bucket, from}.String(), place{target.bucket, to}.String(), info)
	}
	if !recursive {
		if _, err := objectOf(from); err != nil {
			return err
		}
		if target.key == "" || strings.HasSuffix(target.key, "/") {
			target.key += path.Base(source.key)
		}
		return one(source.key, target.key)
	}
	for o, err := range c.db.Bucket(source.bucket).List(ctx, source.key) {
		if err == nil {
			err = one(o.Key, target.key+strings.TrimPrefix(o.Key, source.key))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c copier) said(from, to string, info howdah.ObjectInfo) error {
	if c.json {
		return c.printJSON(info)
	}
	_, err := fmt.Fprintf(c.Out, "%s -> %s (%s bytes)\n", from, to, thousands(info.Size))
	return err
}
