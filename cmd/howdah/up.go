package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/postgres"
	"github.com/howdah/howdah/server"
)

// upState is what runs on a database: printed by up, and kept as up.json in the data folder while it or a demo runs.
type upState struct {
	PID     int       `json:"pid"`
	Command string    `json:"command,omitempty"` // that serves it, where it is not up
	HTTP    string    `json:"http"`
	S3      string    `json:"s3,omitempty"`
	DB      string    `json:"db,omitempty"` // of the private PostgreSQL
	Data    string    `json:"data,omitempty"`
	Log     string    `json:"log,omitempty"` // of a detached server
	Started time.Time `json:"started"`
}

type upOptions struct {
	http, s3, token string
	detach, verbose bool
	idle            time.Duration
	ready           int // file descriptor on which a detached server says that it serves
}

func (a *app) upCommand() *cobra.Command {
	o := upOptions{}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start the private PostgreSQL and the server; Ctrl-C stops both",
		Long: `Start the private PostgreSQL of --data, or use the one of --db, install or upgrade
Howdah's schema, and serve HTTP and S3 until Ctrl-C or ` + "`howdah down`" + `.

Beyond loopback a token is needed: $HOWDAH_TOKEN or --token. Clients send it as
"Authorization: Bearer TOKEN". S3 has access keys of its own: see howdah key.`,
		Example: "  howdah up\n  howdah up --data ./data --http 127.0.0.1:0 --detach\n  HOWDAH_TOKEN=… howdah up --db postgres://… --http :8470",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.token == "" {
				o.token = a.Getenv("HOWDAH_TOKEN")
			}
			if o.detach {
				return a.detach(cmd.Context(), o)
			}
			return a.up(cmd.Context(), o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.http, "http", server.DefaultHTTP, "`address` to serve HTTP on; port 0 takes a free one")
	flags.StringVar(&o.s3, "s3", "", "`address` to serve S3 on, or \"off\" (default "+server.DefaultS3+", or a free port where that is taken)")
	flags.StringVar(&o.token, "token", "", "`token` that clients have to send (default $HOWDAH_TOKEN, which others cannot see in the list of processes)")
	flags.DurationVar(&o.idle, "idle", server.DefaultIdle, "`time` after which an upload that stands still, or an S3 connection on which nothing moves, is cut")
	flags.BoolVar(&o.detach, "detach", false, "return when it serves, and leave it running")
	flags.BoolVar(&o.verbose, "verbose", false, "log every request")
	flags.IntVar(&o.ready, "ready-fd", 0, "")
	_ = flags.MarkHidden("ready-fd")
	return cmd
}

// openServed opens what up and demo serve: --db or $HOWDAH_DB where one is named, else the private PostgreSQL.
func (a *app) openServed(ctx context.Context, log *slog.Logger, progress func(string), options ...howdah.Option) (*howdah.DB, error) {
	if a.db != "" && a.data != "" {
		return nil, usageError{errors.New("--db and --data name two databases: give one of them")}
	}
	url := a.db
	if url == "" && a.data == "" {
		url = a.Getenv("HOWDAH_DB")
	}
	if url != "" {
		db, err := howdah.Open(ctx, url, append(options, howdah.WithMigrate(), howdah.WithLogger(log))...)
		return db, a.reach(err)
	}
	return howdah.OpenLocal(ctx, a.dataDir(), append(options, howdah.WithLogger(log), howdah.WithProgress(progress))...)
}

func (a *app) up(ctx context.Context, o upOptions) (err error) {
	logs := &logWriter{w: a.Err}
	level := slog.LevelInfo
	if o.verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: level}))
	db, err := a.openServed(ctx, log, func(s string) { _, _ = fmt.Fprintln(a.Err, s) })
	if err != nil {
		return err
	}
	var state upState
	defer func() { state.remove() }() // when nothing is written to the data folder any more
	defer db.Close()
	if local, ok := db.Local(); ok {
		if other := readState(local.DataDir); other.serves(ctx) {
			return fmt.Errorf("%s is served already, by howdah %s, process %d at %s; `howdah down --data %s` ends that",
				local.DataDir, other.command(), other.PID, other.HTTP, local.DataDir)
		}
	}
	served := servedLab{db: db}
	defer served.close()
	s, err := newServer(server.Config{DB: db, HTTP: o.http, S3: o.s3, Idle: o.idle, Token: o.token, Log: log, Version: version(), Extend: labRoutes(&served), Lab: labPage{&served}})
	if err != nil {
		return err
	}
	state = newState("", db, s)
	if state.Data != "" {
		if o.ready > 0 {
			state.Log = filepath.Join(state.Data, "up.log")
			f, err := os.OpenFile(state.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			if err != nil {
				return errors.Join(fmt.Errorf("open log: %w", err), s.Close())
			}
			defer func() { _ = f.Close() }()
			logs.set(f)
		}
		if err := state.write(); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-db.Stopped():
			log.Info("the private PostgreSQL was stopped on request")
			cancel()
		case <-ctx.Done():
		}
	}()
	if o.ready > 0 {
		pipe := os.NewFile(uintptr(o.ready), "ready")
		err = errors.Join(json.NewEncoder(pipe).Encode(state), pipe.Close())
	} else {
		err = a.printUp(state)
	}
	if err != nil {
		return errors.Join(err, s.Close())
	}
	return s.Run(ctx)
}

// newServer starts a server. Where nobody said where S3 should be, it takes a free port if the usual one is taken.
func newServer(c server.Config) (*server.Server, error) {
	free := c.S3 == ""
	switch c.S3 {
	case "":
		c.S3 = server.DefaultS3
	case "off":
		c.S3 = ""
	}
	s, err := server.New(c)
	var taken *net.OpError
	if free && errors.As(err, &taken) && taken.Addr != nil && taken.Addr.String() == server.DefaultS3 {
		c.S3 = "127.0.0.1:0"
		s, err = server.New(c)
	}
	return s, err
}

func (a *app) printUp(s upState) error {
	if a.json {
		return a.printJSON(s)
	}
	_, err := fmt.Fprintf(a.Out, "http      %s   (description: /openapi.json, figures: /metrics)\n", s.HTTP)
	if s.S3 != "" {
		_, err = fmt.Fprintf(a.Out, "s3        %s   (keys: howdah key create NAME)\n", s.S3)
	}
	if s.DB != "" {
		_, err = fmt.Fprintf(a.Out, "database  %s\ndata      %s\n", s.DB, s.Data)
	}
	if s.Log != "" {
		stop := fmt.Sprintf("kill %d", s.PID)
		if s.Data != "" {
			stop = "howdah down --data " + s.Data
		}
		_, err = fmt.Fprintf(a.Out, "log       %s\nprocess   %d\nstop it with: %s\n", s.Log, s.PID, stop)
	}
	return err
}

// detach starts this program again in a session of its own and returns when it serves, or has said why it does not.
func (a *app) detach(ctx context.Context, o upOptions) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	args := []string{"up", "--http", o.http, "--s3", o.s3, "--idle", o.idle.String(), "--ready-fd", "3"}
	if o.verbose {
		args = append(args, "--verbose")
	}
	if a.data != "" {
		args = append(args, "--data", a.data)
	}
	ready, theirs, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	defer func() { _ = ready.Close() }()
	said, err := os.CreateTemp("", "howdah-up-*.log")
	if err != nil {
		return errors.Join(fmt.Errorf("open log: %w", err), theirs.Close())
	}
	defer func() { _ = said.Close() }()
	child := exec.Command(self, args...) //nolint:gosec // it is this program
	// Secrets go by the environment: everybody can read arguments in the list of processes.
	child.Env = append(os.Environ(), "HOWDAH_TOKEN="+o.token)
	if a.db != "" {
		child.Env = append(child.Env, "HOWDAH_DB="+a.db)
	}
	child.ExtraFiles = []*os.File{theirs}
	child.Stdout, child.Stderr = said, said
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = child.Start()
	_ = theirs.Close()
	if err != nil {
		return fmt.Errorf("start in the background: %w", err)
	}
	answered := make(chan upState, 1)
	go func() {
		var s upState
		_ = json.NewDecoder(ready).Decode(&s) // PID 0: it ended without an answer
		answered <- s
	}()
	var s upState
	select {
	case s = <-answered:
	case <-ctx.Done():
		_ = child.Process.Signal(syscall.SIGTERM)
		_ = child.Wait()
		return ctx.Err()
	}
	if s.PID == 0 {
		_ = child.Wait()
		_, _ = said.Seek(0, io.SeekStart)
		_, _ = io.Copy(a.Err, said)
		_ = os.Remove(said.Name())
		return errSilent
	}
	if s.Log == "" {
		s.Log = said.Name()
	} else {
		_ = os.Remove(said.Name())
	}
	return a.printUp(s)
}

func (s upState) write() error {
	path := stateFile(s.Data)
	b, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		tmp := fmt.Sprintf("%s.%d", path, s.PID)
		if err = os.WriteFile(tmp, append(b, '\n'), 0o600); err == nil {
			err = os.Rename(tmp, path)
		}
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// newState is what this process serves.
func newState(command string, db *howdah.DB, s *server.Server) upState {
	state := upState{PID: os.Getpid(), Command: command, HTTP: s.URL(), S3: s.S3URL(), Started: time.Now().UTC().Truncate(time.Second)}
	if local, ok := db.Local(); ok {
		state.DB, state.Data = local.URL, local.DataDir
	}
	return state
}

// command is the one that serves.
func (s upState) command() string {
	if s.Command == "" {
		return "up"
	}
	return s.Command
}

// stateFile is where the state is kept in a data folder.
func stateFile(dir string) string { return filepath.Join(dir, "up.json") }

// readState is empty where no server runs.
func readState(dir string) (s upState) {
	if b, err := os.ReadFile(stateFile(dir)); err != nil || json.Unmarshal(b, &s) != nil {
		return upState{}
	}
	return s
}

// serves is whether a server answers where the state says.
func (s upState) serves(ctx context.Context) bool {
	if s.HTTP == "" {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.HTTP+"/healthz", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil
}

// remove leaves the file of a later server of the same folder alone.
func (s upState) remove() {
	if s.Data != "" && readState(s.Data).PID == s.PID {
		_ = os.Remove(stateFile(s.Data))
	}
}

// endTime is how long a server may take to end after its database: more than it gives requests to finish.
const endTime = 30 * time.Second

// ended waits until a server has ended that ran on a private PostgreSQL, as it does by itself when that was stopped: until
// then it writes into the data folder.
func (s upState) ended(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, endTime)
	defer cancel()
	err := postgres.Poll(ctx, func() bool {
		return s.PID == 0 || readState(s.Data).PID != s.PID || !postgres.Alive(s.PID)
	})
	if err != nil {
		return fmt.Errorf("PostgreSQL is stopped, but howdah %s (process %d) still runs; end it with: kill %d", s.command(), s.PID, s.PID)
	}
	return nil
}
