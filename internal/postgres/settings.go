package postgres

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

const settingsFile = "howdah.conf"

// settings is the content of howdah.conf. PostgreSQL's defaults suit a machine
// of long ago; these suit a laptop of today, and none of them gives up
// durability unless the cluster is disposable.
func settings(disposable, lz4 bool) string {
	cache := sharedBuffers(memory())
	if disposable {
		cache = "256MB" // tests start many
	}
	compression := "on"
	if lz4 {
		compression = "lz4"
	}
	lines := []string{
		"# Rewritten by howdah at every start. Put your own settings into",
		"# postgresql.conf below the include, or use ALTER SYSTEM.",
		"max_connections = 200",
		"shared_buffers = '" + cache + "'",
		"max_wal_size = '4GB'",
		"min_wal_size = '256MB'",
		"checkpoint_timeout = '15min'",
		"wal_compression = " + compression,
		"password_encryption = 'scram-sha-256'",
		"timezone = 'UTC'",
		"log_timezone = 'UTC'",
		"lc_messages = 'C'",
		"random_page_cost = 1.1", // no spinning disks
		"jit = off",              // short queries
		"logging_collector = on",
		"log_directory = 'log'",
		"log_filename = 'postgresql-%a.log'", // seven files, each overwritten after a week
		"log_rotation_age = '1d'",
		"log_rotation_size = 0",
		"log_truncate_on_rotation = on",
		"log_line_prefix = '%m [%p] %q%u@%d '",
	}
	if disposable {
		// Not synchronous_commit: without it a kill -9 would lose commits too.
		lines = append(lines, "fsync = off", "full_page_writes = off")
	}
	return strings.Join(lines, "\n") + "\n"
}

// sharedBuffers is a sixteenth of the memory, from 128 MB to 1 GB: the machine
// has other work, and the kernel caches files as well. Reading a million events
// twice, to claim them and to send them, is a tenth faster where they fit.
func sharedBuffers(memory uint64) string {
	const mb = 1 << 20
	return fmt.Sprintf("%dMB", min(max(memory/16/mb, 128), 1024))
}

// supportsLZ4 asks the programs, because it is chosen when they are built.
func supportsLZ4(ctx context.Context, acct account, p Programs, cluster string) bool {
	if p.Major < 15 {
		return false
	}
	cmd := acct.command(ctx, filepath.Join(p.Dir, "postgres"))
	defer closeExposed(cmd)
	name, err := acct.expose(cmd, cluster)
	if err != nil {
		return false
	}
	cmd.Args = append(cmd.Args, "-D", name, "-c", "wal_compression=lz4", "-C", "wal_compression")
	out, err := cmd.Output()
	return err == nil && strings.TrimSpace(string(out)) == "lz4"
}

// arguments are what must hold at every start, whatever the files say.
func (st state) arguments(cluster, socket string, own map[string]string) []string {
	args := []string{
		"-D", cluster,
		"-c", fmt.Sprintf("port=%d", st.Port),
		"-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=" + socketList(socket),
		"-c", "unix_socket_permissions=0700",
		"-c", "cluster_name=howdah",
	}
	names := make([]string, 0, len(own))
	for name := range own {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		args = append(args, "-c", name+"="+own[name])
	}
	return args
}

// socketList quotes one folder for a setting that is a list.
func socketList(dir string) string {
	return `"` + strings.ReplaceAll(dir, `"`, `""`) + `"`
}
