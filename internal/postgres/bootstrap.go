package postgres

import (
	"context"
	"errors"
	"fmt"
)

// bootstrap makes the role and the database where they are missing, and gives
// the role the password of the data folder. It is repeated at every start: the
// first one may have been interrupted, and the password file replaced.
func (l layout) bootstrap(ctx context.Context, cfg Config, info *Info) (err error) {
	if info.password, err = l.ensurePassword(); err != nil {
		return err
	}
	conn, err := info.connect(ctx, "postgres")
	if err != nil {
		return fmt.Errorf("connect as %s: %w", Superuser, err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	var role, database bool
	err = conn.QueryRow(ctx, `select exists (select from pg_catalog.pg_roles where rolname = $1),
		exists (select from pg_catalog.pg_database where datname = $2)`, Role, Database).Scan(&role, &database)
	if err != nil {
		return fmt.Errorf("look for role and database: %w", err)
	}
	var steps []string
	if !role {
		// pg_monitor: to name who blocks whom, whatever role they use. The search path: a role's own tables go into a
		// schema of its name where there is one, and the schema howdah is the engine's.
		steps = append(steps, "create role "+Role+" login createdb createrole", "grant pg_monitor to "+Role,
			"alter role "+Role+" set search_path = public")
	}
	// The password is made of hexadecimal digits and needs no quoting.
	steps = append(steps, "alter role "+Role+" password '"+info.password+"'")
	if !database {
		cfg.Progress("Making the database " + Database)
		steps = append(steps, "create database "+Database+" owner "+Role)
	}
	for _, step := range steps {
		if _, err := conn.Exec(ctx, step); err != nil {
			return fmt.Errorf("set up role and database: %w", err)
		}
	}
	return nil
}
