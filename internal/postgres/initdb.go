package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Connections through the socket need no password: its folder is open to the
// owner alone. Loopback is open to every account of the machine.
const hba = `# Made by howdah, once; yours to change.
local  all  all                trust
host   all  all  127.0.0.1/32  scram-sha-256
host   all  all  ::1/128       scram-sha-256
`

// initCluster makes the cluster under a temporary name and renames it. What an
// interrupted one left behind is removed by the next.
func (l layout) initCluster(ctx context.Context, acct account, p Programs, cfg Config) error {
	if left, err := filepath.Glob(filepath.Join(globQuote(l.root), unfinished+"*")); err == nil {
		for _, dir := range left {
			// An initdb that outlived its caller may still write there; then
			// this fails, and the next start tries again.
			_ = os.RemoveAll(dir)
		}
	}
	cfg.Progress(fmt.Sprintf("Making a PostgreSQL %d cluster in %s", p.Major, l.root))
	var err error
	for _, locale := range locales(p.Major) {
		var dir string
		if dir, err = os.MkdirTemp(l.root, unfinished); err != nil {
			return fmt.Errorf("make folder for cluster: %w", err)
		}
		if err = l.initInto(ctx, acct, p, cfg, dir, locale); err == nil {
			return nil
		}
		if rmErr := os.RemoveAll(dir); rmErr != nil || ctx.Err() != nil {
			return errors.Join(err, rmErr)
		}
	}
	return err
}

// locales are tried in turn: sorting by bytes always, and letters of all
// languages known to lower() and upper() where the machine can.
func locales(major int) [][]string {
	if major >= 17 {
		return [][]string{{"--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"}, {"--locale=C"}}
	}
	return [][]string{{"--locale=C", "--lc-ctype=C.UTF-8"}, {"--locale=C"}}
}

func (l layout) initInto(ctx context.Context, acct account, p Programs, cfg Config, dir string, locale []string) error {
	if err := acct.ownDir(dir); err != nil {
		return fmt.Errorf("make folder for cluster: %w", err)
	}
	args := append([]string{"--username=" + Superuser, "--encoding=UTF8", "--auth-local=trust", "--auth-host=scram-sha-256"}, locale...)
	if cfg.Disposable {
		args = append(args, "--no-sync")
	}
	cmd := acct.command(ctx, filepath.Join(p.Dir, "initdb"))
	defer closeExposed(cmd)
	name, err := acct.expose(cmd, dir)
	if err != nil {
		return err
	}
	cmd.Args = append(append(cmd.Args, args...), "--pgdata="+name)
	if out, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return fmt.Errorf("run initdb: %w: %s", err, strings.TrimSpace(lastLines(string(out), 6)))
	}

	if err := acct.writeFile(filepath.Join(dir, "pg_hba.conf"), hba); err != nil {
		return fmt.Errorf("write pg_hba.conf: %w", err)
	}
	conf, err := os.OpenFile(filepath.Join(dir, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("extend postgresql.conf: %w", err)
	}
	_, err = conf.WriteString("\n# Rewritten at every start; ALTER SYSTEM wins over it.\ninclude_if_exists '" + settingsFile + "'\n")
	if err = errors.Join(err, conf.Sync(), conf.Close()); err != nil {
		return fmt.Errorf("extend postgresql.conf: %w", err)
	}
	if err := os.Rename(dir, l.cluster()); err != nil {
		return fmt.Errorf("put cluster in place: %w", err)
	}
	return syncDir(l.root)
}

// writeFile replaces a file inside the cluster, which the account owns.
func (a account) writeFile(path, content string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	if a.other {
		err = errors.Join(err, f.Chown(a.uid, a.gid))
	}
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// globQuote makes a path safe inside a glob pattern.
func globQuote(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
