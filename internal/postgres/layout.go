package postgres

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// A layout names the files of one data folder.
type layout struct{ root string }

func (l layout) cluster() string  { return filepath.Join(l.root, "cluster") }
func (l layout) run() string      { return filepath.Join(l.root, "run") }
func (l layout) state() string    { return filepath.Join(l.root, "state.json") }
func (l layout) password() string { return filepath.Join(l.root, "password") }
func (l layout) lock() string     { return filepath.Join(l.root, "lock") }
func (l layout) users() string    { return filepath.Join(l.root, "users") }
func (l layout) startLog() string { return filepath.Join(l.root, "start.log") }
func (l layout) pidFile() string  { return filepath.Join(l.cluster(), "postmaster.pid") }

// unfinished is the prefix of a cluster that initdb has not finished.
const unfinished = "cluster.new-"

// prepare makes the data folder and refuses one that belongs to somebody or
// something else. Nothing is written into a folder that is refused.
func (l layout) prepare() error {
	if err := os.MkdirAll(l.root, 0o700); err != nil {
		return fmt.Errorf("make data folder: %w; choose a folder that you may write to", err)
	}
	entries, err := os.ReadDir(l.root)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("read data folder: %w; it belongs to %s: run as that user or choose another data folder", err, ownerName(l.root))
	}
	if err != nil {
		return fmt.Errorf("read data folder: %w", err)
	}
	var names, strange []string
	for _, e := range entries {
		names = append(names, e.Name())
		if !l.known(e.Name()) {
			strange = append(strange, e.Name())
		}
	}
	switch {
	case slices.Contains(names, filepath.Base(l.state())):
		return nil
	case slices.Contains(names, "PG_VERSION"):
		return fmt.Errorf("data folder %s is itself the data of another PostgreSQL: choose a new folder, or start that server and connect to it with --db", l.root)
	case slices.Contains(names, filepath.Base(l.cluster())):
		// state.json is there before the cluster is.
		strange = append(strange, filepath.Base(l.cluster()))
	}
	if len(strange) == 0 {
		return nil
	}
	if len(strange) > 3 {
		strange = append(strange[:3], "…")
	}
	return fmt.Errorf("data folder %s is not empty and not one of Howdah's (it holds %s): choose a new or empty folder", l.root, strings.Join(strange, ", "))
}

func (l layout) known(name string) bool {
	for _, p := range []string{l.cluster(), l.run(), l.state(), l.password(), l.lock(), l.users(), l.startLog()} {
		if filepath.Base(p) == name {
			return true
		}
	}
	return strings.HasPrefix(name, unfinished) || strings.HasPrefix(name, filepath.Base(l.state())+".")
}

// clusterMajor is the major version that made the cluster, 0 if there is none yet.
func (l layout) clusterMajor() (int, error) {
	b, err := os.ReadFile(filepath.Join(l.cluster(), "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(l.cluster()); err == nil {
			return 0, fmt.Errorf("data folder %s has a cluster without PG_VERSION: it is damaged; restore it from a backup or choose another folder", l.root)
		}
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read version of cluster: %w", err)
	}
	major, ok := parseMajor(strings.TrimSpace(string(b)))
	if !ok || major < MinMajor || major > MaxMajor {
		return 0, fmt.Errorf("data folder %s was made by PostgreSQL %s; supported are %d to %d: dump it with that version and restore it into a new folder",
			l.root, strings.TrimSpace(string(b)), MinMajor, MaxMajor)
	}
	return major, nil
}

// removed is an ErrStopped where somebody has removed the folder, or begun to, since the cluster ran.
func (l layout) removed() error {
	for _, path := range []string{l.cluster(), l.state()} {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: data folder %s was removed", ErrStopped, l.root)
		}
	}
	return nil
}

// create opens a file of ours for writing. Made by root, it goes to the owner
// of the data folder, so that the owner can go on without root.
func (l layout) create(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, flag|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 {
		if uid, gid, ok := owner(l.root); ok {
			if err := f.Chown(uid, gid); err != nil {
				return nil, errors.Join(err, f.Close())
			}
		}
	}
	return f, nil
}

// replace writes a file so that a reader sees the old content or the new one.
func (l layout) replace(path string, content []byte) error {
	tmp := fmt.Sprintf("%s.%d", path, os.Getpid())
	f, err := l.create(tmp, os.O_WRONLY|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return nil
}

// owner of a file; ok is false where it cannot be known.
func owner(path string) (uid, gid int, ok bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, 0, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return int(st.Uid), int(st.Gid), true
}
