package postgres_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah/internal/postgres"
)

// The test binary started again with this variable is one user of the data
// folder that it names.
const userEnv = "HOWDAH_TEST_USER_OF"

func TestMain(m *testing.M) {
	if dir := os.Getenv(userEnv); dir != "" {
		os.Exit(beUser(dir))
	}
	os.Exit(m.Run())
}

// beUser starts or adopts, says so, and releases when its standard input ends.
func beUser(dir string) int {
	ctx := context.Background()
	s, err := postgres.Start(ctx, config(dir))
	if err != nil {
		fmt.Println("error", strconv.Quote(err.Error()))
		return 1
	}
	fmt.Println("ready", s.Info().PID, s.Adopted())
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := s.Release(ctx); err != nil {
		fmt.Println("error", strconv.Quote(err.Error()))
		return 1
	}
	return 0
}

// config is disposable for speed: a killed process loses nothing by it.
func config(dir string) postgres.Config {
	return postgres.Config{DataDir: dir, BinDir: os.Getenv("HOWDAH_TEST_PG_BIN"), Disposable: true}
}

// A process is another process that uses a data folder.
type process struct {
	cmd     *exec.Cmd
	stdin   io.Closer
	out     *bufio.Reader
	pid     int // of the postmaster
	adopted bool
}

func spawn(t *testing.T, dir string) *process {
	t.Helper()
	exe, err := os.Executable()
	ok(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), userEnv+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	ok(t, err)
	stdout, err := cmd.StdoutPipe()
	ok(t, err)
	ok(t, cmd.Start())
	p := &process{cmd: cmd, stdin: stdin, out: bufio.NewReader(stdout)}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return p
}

func (p *process) waitReady(t *testing.T) {
	t.Helper()
	line, err := p.out.ReadString('\n')
	ok(t, err)
	if _, err := fmt.Sscanf(line, "ready %d %t", &p.pid, &p.adopted); err != nil {
		t.Fatalf("user process said %s", line)
	}
}

// leave lets the process release the server.
func (p *process) leave(t *testing.T) {
	t.Helper()
	ok(t, p.stdin.Close())
	rest, err := io.ReadAll(p.out)
	ok(t, err)
	if err := p.cmd.Wait(); err != nil || len(rest) > 0 {
		t.Fatalf("user process ended with %v and said %q", err, rest)
	}
}

// kill ends the process, or its whole group, with a signal.
func (p *process) kill(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	ok(t, syscall.Kill(pid, sig))
	_ = p.cmd.Wait()
}

func start(t *testing.T, dir string) *postgres.Server {
	t.Helper()
	return startWith(t, config(dir))
}

func startWith(t *testing.T, cfg postgres.Config) *postgres.Server {
	t.Helper()
	s, err := postgres.Start(t.Context(), cfg)
	ok(t, err)
	t.Cleanup(func() { ok(t, s.Stop(context.Background())) })
	return s
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	ok(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// query returns the one value that a statement yields, as text.
func query(t *testing.T, url, sql string) string {
	t.Helper()
	conn := connect(t, url)
	defer conn.Close(t.Context())
	results, err := conn.PgConn().Exec(t.Context(), sql).ReadAll()
	ok(t, err)
	if len(results) == 0 {
		return ""
	}
	var out []string
	for _, row := range results[len(results)-1].Rows {
		for _, value := range row {
			out = append(out, string(value))
		}
	}
	return strings.Join(out, " ")
}

// running is false for a process that has ended and waits to be reaped by
// whatever inherited it.
func running(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func contains(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
}
