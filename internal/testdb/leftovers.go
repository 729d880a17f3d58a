package testdb

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// keepTemplates is how many templates of earlier schemas stay, for other checkouts that share the server.
const keepTemplates = 5

// dropLeftovers drops the databases of test processes that are gone, and old templates. The name of a test's database
// holds the number of its process, so nothing is dropped that is in use.
func dropLeftovers(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `select datname from pg_catalog.pg_database where datname ~ '^(test|template)_' order by oid desc`)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	templates := 0
	for _, name := range names {
		parts := strings.Split(name, "_")
		drop := "drop database if exists " + pgx.Identifier{name}.Sanitize()
		if parts[0] == "template" {
			// One that is just being copied or filled refuses to go, and may stay.
			if templates++; templates > keepTemplates {
				_, _ = conn.Exec(ctx, drop)
			}
			continue
		}
		pid, err := strconv.Atoi(parts[1])
		if len(parts) == 3 && err == nil && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			continue
		}
		if _, err := conn.Exec(ctx, drop+" with (force)"); err != nil {
			return err
		}
	}
	return nil
}
