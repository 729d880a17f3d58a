package postgres_test

import (
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/howdah/howdah/internal/postgres"
)

// Root's server runs as another account and reaches a data folder in a home
// that is closed to that account, without any folder being opened up.
func TestRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	home := t.TempDir()
	ok(t, os.Chmod(home, 0o700))
	t.Setenv("HOME", home)
	t.Setenv("XDG_DATA_HOME", "")
	s, err := postgres.Start(t.Context(), config(""))
	ok(t, err)
	if want := filepath.Join(home, ".local/share/howdah"); s.DataDir() != want {
		t.Errorf("data folder %s, want %s", s.DataDir(), want)
	}
	uid := fileOwner(t, "/proc/"+strconv.Itoa(s.Info().PID))
	if uid == 0 {
		t.Error("runs as root")
	}
	if got := fileOwner(t, filepath.Join(s.DataDir(), "cluster")); got != uid {
		t.Errorf("the cluster belongs to %d, the server runs as %d", got, uid)
	}
	if got := fileOwner(t, filepath.Join(s.DataDir(), "password")); got != 0 {
		t.Errorf("the password belongs to %d", got)
	}
	query(t, s.URL(), "create table t (x int)")
	query(t, s.SuperuserURL(), "select pg_catalog.pg_reload_conf()")
	query(t, s.URL(), "insert into t values (1); select count(*) from t") // a new process, after the reload
	for dir := s.DataDir(); dir != filepath.Dir(home); dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		ok(t, err)
		if info.Mode().Perm() != 0o700 || fileOwner(t, dir) != 0 {
			t.Errorf("%s has mode %o and owner %d", dir, info.Mode().Perm(), fileOwner(t, dir))
		}
	}
	ok(t, s.Release(t.Context()))
}

// The same tests without root, and a folder that goes to and fro between root
// and its owner.
func TestWithoutRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("runs without root already")
	}
	nobody, err := user.Lookup("nobody")
	ok(t, err)
	uid, err := strconv.Atoi(nobody.Uid)
	ok(t, err)
	gid, err := strconv.Atoi(nobody.Gid)
	ok(t, err)
	dir, err := os.MkdirTemp("/tmp", "without-root-")
	ok(t, err)
	t.Cleanup(func() { ok(t, os.RemoveAll(dir)) })
	ok(t, os.Chown(dir, uid, gid))

	exe := filepath.Join(dir, "postgres.test")
	copyFile(t, "/proc/self/exe", exe)
	as := func(env string, args ...string) *exec.Cmd {
		cmd := exec.Command(exe, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HOME="+dir, "TMPDIR="+dir, "XDG_DATA_HOME=", "XDG_CACHE_HOME=", env)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		return cmd
	}
	out, err := as("CI=", "-test.v", "-test.timeout=5m", "-test.run=^(TestStartAdoptStop|TestKilledUser|TestKilledPostmaster|TestRefusedFolders)$").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestStartAdoptStop") {
		t.Errorf("as nobody: %v\n%s", err, out)
	}

	data := filepath.Join(dir, "data")
	owner := func() {
		t.Helper()
		cmd := as(userEnv + "=" + data) // its standard input is empty: starts, releases
		if out, err := cmd.CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "ready ") {
			t.Fatalf("the owner: %v %s", err, out)
		}
	}
	owner()
	s := start(t, data) // root, as the owner's account
	if got := fileOwner(t, "/proc/"+strconv.Itoa(s.Info().PID)); got != uid {
		t.Errorf("runs as %d", got)
	}
	owner() // adopts
	ok(t, s.Release(t.Context()))
	owner()

	// Root's folder is not somebody else's.
	closed := filepath.Join(dir, "of-root")
	ok(t, os.Mkdir(closed, 0o700))
	out, err = as(userEnv + "=" + closed).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "belongs to root") {
		t.Errorf("in root's folder: %v %s", err, out)
	}
}

func fileOwner(t *testing.T, path string) int {
	t.Helper()
	info, err := os.Stat(path)
	ok(t, err)
	return int(info.Sys().(*syscall.Stat_t).Uid)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	src, err := os.Open(from)
	ok(t, err)
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	ok(t, err)
	_, err = io.Copy(dst, src)
	ok(t, err)
	ok(t, dst.Close())
	ok(t, os.Chmod(to, 0o755))
}
