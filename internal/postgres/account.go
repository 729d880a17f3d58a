package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// An account is who PostgreSQL runs as. It refuses to run as root, so root
// lends it another account; for everybody else the account is their own.
type account struct {
	name     string
	uid, gid int
	other    bool // not the caller
}

// chooseAccount is the owner of an existing cluster, or else postgres or
// nobody when the caller is root, or else the caller.
func chooseAccount(cluster string) (account, error) {
	if os.Geteuid() != 0 {
		if uid, _, ok := owner(cluster); ok && uid != os.Geteuid() {
			return account{}, fmt.Errorf("cluster %s belongs to %s: run as that user (or root), or choose another data folder", cluster, ownerName(cluster))
		}
		return account{name: strconv.Itoa(os.Geteuid()), uid: os.Geteuid(), gid: os.Getegid()}, nil
	}
	if uid, _, ok := owner(cluster); ok && uid != 0 {
		u, err := user.LookupId(strconv.Itoa(uid))
		if err != nil {
			return account{}, fmt.Errorf("cluster %s belongs to user id %d, which this machine does not know: create that user or chown the cluster: %w", cluster, uid, err)
		}
		return otherAccount(u)
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			return otherAccount(u)
		}
	}
	return account{}, errors.New("PostgreSQL does not run as root, and this machine has neither a user postgres nor a user nobody: create one (useradd --system postgres)")
}

func otherAccount(u *user.User) (account, error) {
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err := errors.Join(err1, err2); err != nil {
		return account{}, fmt.Errorf("read ids of user %s: %w", u.Username, err)
	}
	return account{name: u.Username, uid: uid, gid: gid, other: true}, nil
}

// command runs a program of PostgreSQL under the account, in a session of its
// own: a Ctrl-C at the terminal must not reach it before we stop it in order.
func (a account) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = "/" // readable for every account
	cmd.Env = cleanEnv()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if a.other {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return cmd
}

// expose names a folder for the command. Root's folders may lie where the
// account cannot go (/root is 0700); there the command inherits the open
// folder and reaches it, and nothing beside it, through its descriptor. No
// permission of any folder above has to be changed.
func (a account) expose(cmd *exec.Cmd, dir string) (string, error) {
	if !a.other {
		return dir, nil
	}
	if runtime.GOOS != "linux" {
		probe := a.command(context.Background(), "/bin/ls", dir)
		if out, err := probe.CombinedOutput(); err != nil {
			return "", fmt.Errorf("user %s, who runs PostgreSQL for root, cannot enter %s (%s): choose a data folder outside private folders, such as /var/lib/howdah",
				a.name, dir, strings.TrimSpace(string(out)))
		}
		return dir, nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return "", fmt.Errorf("open folder for user %s: %w", a.name, err)
	}
	cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	return fmt.Sprintf("/proc/self/fd/%d", 2+len(cmd.ExtraFiles)), nil
}

// closeExposed closes our copies once the command has its own.
func closeExposed(cmd *exec.Cmd) {
	for _, f := range cmd.ExtraFiles {
		_ = f.Close()
	}
	cmd.ExtraFiles = nil
}

// ownDir makes a folder that only the account can enter.
func (a account) ownDir(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil && !os.IsExist(err) {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a folder", path)
	}
	if a.other {
		if err := os.Lchown(path, a.uid, a.gid); err != nil {
			return err
		}
	}
	return os.Chmod(path, 0o700)
}

// cleanEnv drops what would change where PostgreSQL looks or how it speaks.
func cleanEnv() []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return strings.HasPrefix(name, "PG") || strings.HasPrefix(name, "LC_") || name == "LANG" || name == "LANGUAGE" || name == "TZ" || name == "HOME"
	})
	return append(env, "LC_ALL=C", "TZ=UTC", "HOME=/")
}

func ownerName(path string) string {
	uid, _, ok := owner(path)
	if !ok {
		return "an unknown user"
	}
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return "user id " + strconv.Itoa(uid)
}
