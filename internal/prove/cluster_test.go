package prove_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A cluster is a PostgreSQL of a test's own, which it may crash.
type cluster struct {
	bin, dir string
	port     int
	options  []string
	post     *exec.Cmd
	exited   chan struct{}
}

// programs finds the folder of the server programs.
func programs() (string, error) {
	if dir := os.Getenv("HOWDAH_TEST_PG_BIN"); dir != "" {
		return dir, nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		// A link in PATH may stand for initdb alone.
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", errors.New("no initdb found; install PostgreSQL or set HOWDAH_TEST_PG_BIN to the folder of its programs")
	}
	sort.Strings(found)
	return filepath.Dir(found[len(found)-1]), nil
}

// unprivileged makes a command run as nobody where the tests run as root, because PostgreSQL refuses to run as root.
func unprivileged(cmd *exec.Cmd) (*exec.Cmd, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Dir = "/"
	if os.Geteuid() != 0 {
		return cmd, nil
	}
	uid, gid, err := nobody()
	if err != nil {
		return nil, err
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return cmd, nil
}

func nobody() (uid, gid int, err error) {
	u, err := user.Lookup("nobody")
	if err != nil {
		return 0, 0, err
	}
	uid, _ = strconv.Atoi(u.Uid)
	gid, _ = strconv.Atoi(u.Gid)
	return uid, gid, nil
}

// workDir makes a folder that the server's account owns, with a path short enough for a socket.
func workDir() (string, error) {
	dir, err := os.MkdirTemp("", "hwprove")
	if err != nil {
		return "", err
	}
	if os.Geteuid() == 0 {
		uid, gid, err := nobody()
		if err != nil {
			return "", err
		}
		return dir, os.Chown(dir, uid, gid)
	}
	return dir, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// newCluster makes and starts a cluster. Without fsync: these tests kill processes, not the machine.
func newCluster(options ...string) (*cluster, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	dir, err := workDir()
	if err != nil {
		return nil, err
	}
	c := &cluster{bin: bin, dir: dir, options: options}
	initdb, err := unprivileged(exec.Command(filepath.Join(bin, "initdb"), "-D", c.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"))
	if err != nil {
		return nil, err
	}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if c.port, err = freePort(); err != nil {
		return nil, err
	}
	return c, c.start()
}

// privateCluster is a cluster that ends with the test.
func privateCluster(t testing.TB, options ...string) *cluster {
	t.Helper()
	c, err := newCluster(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.stop()
		if t.Failed() {
			t.Log("the server's log:\n" + c.tail())
		}
		_ = os.RemoveAll(c.dir)
	})
	return c
}

func (c *cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *cluster) tail() string {
	b, _ := os.ReadFile(filepath.Join(c.dir, "log"))
	lines := strings.Split(string(b), "\n")
	return strings.Join(lines[max(0, len(lines)-25):], "\n")
}

// url of a database; through the socket, unless host says otherwise.
func (c *cluster) url(database string) string {
	return fmt.Sprintf("postgres:///%s?host=%s&port=%d&user=postgres", database, c.dir, c.port)
}

// start waits until the server answers. After a kill the old server's processes may take a moment to go.
func (c *cluster) start() error {
	deadline := time.Now().Add(60 * time.Second)
	for time.Now().Before(deadline) {
		log, err := os.OpenFile(filepath.Join(c.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		args := []string{"-D", c.data(), "-p", strconv.Itoa(c.port), "-k", c.dir, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off",
			"-c", "max_connections=150", "-c", "shared_buffers=64MB", "-c", "TimeZone=UTC"}
		for _, o := range c.options {
			args = append(args, "-c", o)
		}
		cmd, err := unprivileged(exec.Command(filepath.Join(c.bin, "postgres"), args...))
		if err != nil {
			return err
		}
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Start(); err != nil {
			return err
		}
		_ = log.Close()
		c.post, c.exited = cmd, make(chan struct{})
		go func(cmd *exec.Cmd, exited chan struct{}) { _ = cmd.Wait(); close(exited) }(cmd, c.exited)
		if c.answers(deadline) {
			return nil
		}
	}
	return fmt.Errorf("the server does not start:\n%s", c.tail())
}

// answers waits until the server answers, or has ended.
func (c *cluster) answers(deadline time.Time) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(deadline) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		conn, err := pgx.Connect(ctx, c.url("postgres"))
		if err == nil {
			_ = conn.Close(ctx)
		}
		cancel()
		if err == nil {
			return true
		}
		select {
		case <-c.exited:
			return false
		case <-tick.C:
		}
	}
	return false
}

// crash ends the server without a chance to tidy up: by SIGQUIT (an immediate shutdown) or SIGKILL of the postmaster.
func (c *cluster) crash(sig syscall.Signal) {
	_ = c.post.Process.Signal(sig)
	<-c.exited
}

func (c *cluster) stop() { c.crash(syscall.SIGINT) }

// tool runs a client program of the same version, such as pg_dump.
func (c *cluster) tool(t testing.TB, stdin []byte, name string, args ...string) []byte {
	t.Helper()
	if _, err := os.Stat(filepath.Join(c.bin, name)); err != nil {
		t.Skipf("%s is missing in %s: some packages of PostgreSQL bring the server alone", name, c.bin)
	}
	cmd, err := unprivileged(exec.Command(filepath.Join(c.bin, name), append([]string{"-h", c.dir, "-p", strconv.Itoa(c.port), "-U", "postgres"}, args...)...))
	if err != nil {
		t.Fatal(err)
	}
	var errors strings.Builder
	cmd.Stderr = &errors
	if stdin != nil {
		cmd.Stdin = strings.NewReader(string(stdin))
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, errors.String())
	}
	return out
}
