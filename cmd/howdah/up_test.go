package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/howdah/howdah/internal/postgres"
)

// shortDir is a temporary folder whose path leaves room for a unix socket, and which PostgreSQL's account can reach.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "howdah-up")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the data folder inside is closed
		t.Fatal(err)
	}
	return filepath.Join(dir, "data")
}

// up serves a private PostgreSQL, ends when it is asked to, and goes on with the same data.
func TestUpTwice(t *testing.T) {
	dir := shortDir(t)
	for round, want := range []int{http.StatusCreated, http.StatusConflict} {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		out, in := io.Pipe()
		var errs bytes.Buffer
		code := make(chan int, 1)
		go func() {
			code <- Run(ctx, []string{"up", "--data", dir, "--http", "127.0.0.1:0", "--json"},
				Stdio{In: strings.NewReader(""), Out: in, Err: &errs, Getenv: func(string) string { return "" }})
			_ = in.Close()
		}()
		var state upState
		if err := json.NewDecoder(out).Decode(&state); err != nil {
			t.Fatalf("round %d: %v; exit %d: %s", round, err, <-code, errs.String())
		}
		if b, err := os.ReadFile(filepath.Join(dir, "up.json")); err != nil || !bytes.Contains(b, []byte(state.HTTP)) {
			t.Errorf("up.json: %v: %s", err, b)
		}
		// The second time the topic is there, with another number of partitions.
		body := `{"topic":"kept","partitions":` + string(rune('1'+round)) + `}`
		resp, err := http.Post(state.HTTP+"/v1/topics", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("round %d: status %d, want %d", round, resp.StatusCode, want)
		}
		cancel()
		select {
		case c := <-code:
			if c != exitOK {
				t.Errorf("round %d: exit code %d: %s", round, c, errs.String())
			}
		case <-time.After(60 * time.Second):
			t.Fatal("up did not end")
		}
		for _, gone := range []string{"up.json", "cluster/postmaster.pid"} {
			if _, err := os.Stat(filepath.Join(dir, gone)); err == nil {
				t.Errorf("round %d: %s was left behind", round, gone)
			}
		}
	}
}

// When down has returned nothing of a detached server is left that could write to its folder.
func TestDown(t *testing.T) {
	program := filepath.Join(t.TempDir(), "howdah")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	dir := shortDir(t)
	for range 3 {
		out, err := exec.CommandContext(t.Context(), program, "up", "--data", dir, "--http", "127.0.0.1:0", "--s3", "off", "--detach", "--json").Output() //nolint:gosec // our own
		if err != nil {
			t.Fatal(err)
		}
		var state upState
		if err := json.Unmarshal(out, &state); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		again, err := exec.CommandContext(t.Context(), program, "up", "--data", dir, "--http", "127.0.0.1:0", "--s3", "off").CombinedOutput() //nolint:gosec // our own
		if err == nil || !strings.Contains(string(again), "served already") || readState(dir) != state {
			t.Errorf("a second server: %v: %s", err, again)
		}
		if out, err := exec.CommandContext(t.Context(), program, "down", "--data", dir).CombinedOutput(); err != nil { //nolint:gosec // our own
			t.Fatalf("%v: %s", err, out)
		}
		if _, err := os.Stat(stateFile(dir)); err == nil {
			t.Error("the server has not ended")
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Error("the folder is there again")
		}
	}
}

// A detached server on a database that is not ours says how to end it, and its arguments do not have the password.
func TestDetachOnAnotherDatabase(t *testing.T) {
	program := filepath.Join(t.TempDir(), "howdah")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	url := newShell(t).url
	said := exec.CommandContext(t.Context(), program, "up", "--db", url, "--http", "127.0.0.1:0", "--s3", "off", "--detach") //nolint:gosec // our own
	said.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	out, err := said.Output()
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	_, last, _ := strings.Cut(string(out), "stop it with: ")
	if _, err := fmt.Sscanf(last, "kill %d\n", &pid); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	if args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && bytes.Contains(args, []byte(url)) {
		t.Errorf("everybody can read the URL: %q", args)
	}
	if err := process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := postgres.Poll(ctx, func() bool { return !postgres.Alive(pid) }); err != nil {
		t.Fatal(err)
	}
}

// A folder that a demo serves says so to a server that is started on it.
func TestUpBesideADemo(t *testing.T) {
	dir := shortDir(t)
	s := shell{TB: t, url: ""}
	demo := s.background(nil, "demo", "log", "--data", dir, "--http", "127.0.0.1:0", "--json")
	if _, err := bufio.NewReader(demo.out).ReadString('\n'); err != nil {
		t.Fatalf("the demo shows nothing: %v: %s", err, demo.stop().err)
	}
	s.fails(exitError, []string{"up", "--data", dir, "--http", "127.0.0.1:0"}, "served already, by howdah demo, process "+strconv.Itoa(os.Getpid()))
	if r := demo.stop(); r.code != exitOK {
		t.Errorf("the demo ended with %d: %s", r.code, r.err)
	}
	if _, err := os.Stat(stateFile(dir)); err == nil {
		t.Error("up.json was left behind")
	}
}

// The demo ends by itself; every consumer, the late one too, has seen every event, and the audit each exactly once.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 15 seconds")
	}
	var out, errs bytes.Buffer
	code := Run(context.Background(), []string{"demo", "log", "--data", shortDir(t), "--http", "127.0.0.1:0", "--for", "7s", "--json"},
		Stdio{In: strings.NewReader(""), Out: &out, Err: &errs, Getenv: func(string) string { return "" }})
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var end struct {
		Events    int64 `json:"events"`
		Published int64 `json:"published"`
		AuditRows int64 `json:"audit_rows"`
		Consumers []struct {
			Consumer string `json:"consumer"`
			Lag      int64  `json:"lag"`
		} `json:"consumers"`
		Problems []any `json:"problems"`
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &end); err != nil {
		t.Fatalf("%v: %s", err, lines[len(lines)-1])
	}
	if end.Published < 50 || end.Events != end.Published || end.AuditRows != end.Events || len(end.Problems) != 0 || len(end.Consumers) != 5 {
		t.Errorf("%+v", end)
	}
	for _, c := range end.Consumers {
		if c.Lag != 0 {
			t.Errorf("%s is %d events behind", c.Consumer, c.Lag)
		}
	}
}
