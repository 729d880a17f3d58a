package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	embedded "github.com/fergusstrange/embedded-postgres"
)

// fetchable are the releases that the embedded-postgres library knows.
var fetchable = map[int]embedded.PostgresVersion{
	14: embedded.V14, 15: embedded.V15, 16: embedded.V16, 17: embedded.V17, 18: embedded.V18,
}

// Fetch downloads the programs of a major version (0: the newest) once, about
// 30 MB, into the user's cache folder and returns them from there ever after.
// $HOWDAH_PG_MIRROR names a Maven repository to use in place of the public one.
func Fetch(ctx context.Context, major int, progress func(string)) (Programs, error) {
	if major == 0 {
		major = MaxMajor
	}
	version, ok := fetchable[major]
	if !ok {
		return Programs{}, fmt.Errorf("fetch PostgreSQL %d: only %d to %d can be had", major, MinMajor, MaxMajor)
	}
	acct, err := chooseAccount("")
	if err != nil {
		return Programs{}, err
	}
	cache, err := programCache(acct)
	if err != nil {
		return Programs{}, err
	}
	dir := filepath.Join(cache, fmt.Sprintf("postgresql-%s-%s-%s", version, runtime.GOOS, runtime.GOARCH))
	if p, err := inspect(ctx, acct, filepath.Join(dir, "bin")); err == nil {
		return p, nil
	}
	lock, err := layout{cache}.waitLock(ctx, filepath.Join(cache, "lock"), syscall.LOCK_EX, func() {
		progress("Waiting for another download of PostgreSQL to end")
	})
	if err != nil {
		return Programs{}, err
	}
	defer lock.release()
	if p, err := inspect(ctx, acct, filepath.Join(dir, "bin")); err == nil {
		return p, nil // by whoever held the lock before
	}
	progress(fmt.Sprintf("Fetching PostgreSQL %s (about 30 MB, once)", version))
	if err := fetchInto(ctx, version, cache, dir); err != nil {
		return Programs{}, fmt.Errorf("fetch PostgreSQL %s: %w", version, err)
	}
	p, err := inspect(ctx, acct, filepath.Join(dir, "bin"))
	if err != nil {
		return p, fmt.Errorf("use the fetched PostgreSQL %s: %w", version, err)
	}
	return p, nil
}

// fetchInto fills a temporary folder and renames it, so that dir is complete
// or not there.
func fetchInto(ctx context.Context, version embedded.PostgresVersion, cache, dir string) error {
	tmp, err := os.MkdirTemp(cache, "fetch-")
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- unpack(version, tmp) }()
	select {
	case <-ctx.Done():
		// The library cannot be interrupted; clean up when it is through.
		go func() { <-done; _ = os.RemoveAll(tmp) }()
		return ctx.Err()
	case err = <-done:
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	if err != nil {
		return err
	}
	programs := filepath.Join(tmp, "programs")
	if err := readableForAll(programs); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil { // what inspect has just found unusable
		return err
	}
	return os.Rename(programs, dir)
}

// unpack downloads and unpacks. The library offers this only as the first
// steps of Start. So Start gets a data folder that says it is made already and
// cannot be started: it fetches, unpacks, fails to start, and only the failure
// to fetch is an error here.
func unpack(version embedded.PostgresVersion, tmp string) error {
	port, err := freePort(0)
	if err != nil {
		return err
	}
	data := filepath.Join(tmp, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	major, _, _ := strings.Cut(string(version), ".")
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte(major+"\n"), 0o600); err != nil {
		return err
	}
	cfg := embedded.DefaultConfig().Version(version).Port(uint32(port)).Logger(io.Discard).
		CachePath(filepath.Join(tmp, "archive")).BinariesPath(filepath.Join(tmp, "programs")).
		RuntimePath(filepath.Join(tmp, "runtime")).DataPath(data)
	if mirror := os.Getenv("HOWDAH_PG_MIRROR"); mirror != "" {
		cfg = cfg.BinaryRepositoryURL(strings.TrimRight(mirror, "/"))
	}
	server := embedded.NewDatabase(cfg)
	err = server.Start()
	if err == nil {
		return errors.Join(errors.New("the empty data folder was started"), server.Stop())
	}
	for _, program := range []string{"postgres", "initdb", "pg_ctl"} {
		if _, statErr := os.Stat(filepath.Join(tmp, "programs", "bin", program)); statErr != nil {
			return err
		}
	}
	// The library reports a broken archive in the same way as a failed start.
	if strings.Contains(err.Error(), "extract") {
		return err
	}
	return nil
}

// programCache is a folder whose programs the account can run: the user's own
// cache, but not one inside a home that is closed to the account.
func programCache(acct account) (string, error) {
	cache := filepath.Join(os.TempDir(), fmt.Sprintf("howdah-%d", os.Geteuid()))
	if acct.other {
		cache = "/var/cache/howdah"
	} else if base, err := os.UserCacheDir(); err == nil {
		cache = filepath.Join(base, "howdah")
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("make cache folder: %w", err)
	}
	// Programs are run from here: it must not be a stranger's folder.
	if uid, _, ok := owner(cache); ok && uid != os.Geteuid() {
		return "", fmt.Errorf("use cache folder %s: it belongs to %s; remove it or set XDG_CACHE_HOME", cache, ownerName(cache))
	}
	return cache, nil
}

// readableForAll undoes a strict umask: another account runs these for root.
func readableForAll(root string) error {
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() | 0o444
		if e.IsDir() || mode&0o100 != 0 {
			mode |= 0o111
		}
		return os.Chmod(path, mode)
	})
}
