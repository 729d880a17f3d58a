package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/howdah/howdah/internal/schema"
)

// version is that of the module where it was built as one, else the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "devel-" + s.Value[:min(12, len(s.Value))]
		}
	}
	return "devel"
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program and of its schema",
		Args:  exactly(),
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return a.printJSON(struct {
					Version string `json:"version"`
					Schema  int    `json:"schema"`
					Oldest  int    `json:"postgres_oldest"`
					Newest  int    `json:"postgres_newest"`
					Go      string `json:"go"`
				}{version(), schema.Version(), schema.OldestPostgres, schema.NewestPostgres, runtime.Version()})
			}
			_, err := fmt.Fprintf(a.Out, "howdah %s (schema %d, PostgreSQL %d to %d, %s %s/%s)\n", version(), schema.Version(),
				schema.OldestPostgres, schema.NewestPostgres, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
