package schema

import (
	"context"
	"io"
	"io/fs"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
)

// Variant is an upgrade made of the embedded files with some of them changed: "" removes one.
func Variant(changes map[string]string) (MigrateFunc, func(io.Writer) error, error) {
	tree := fstest.MapFS{}
	err := fs.WalkDir(files, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(files, file)
		tree[file] = &fstest.MapFile{Data: body}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	for file, body := range changes {
		if body == "" {
			delete(tree, file)
			continue
		}
		tree[file] = &fstest.MapFile{Data: []byte(body)}
	}
	s, err := loadFrom(tree)
	return s.migrate, s.print, err
}

// MigrateFunc is Migrate.
type MigrateFunc = func(context.Context, *pgx.Conn) (Report, error)
