package howdah

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/howdah/howdah/internal/postgres"
)

// stopTime is how long Close waits for the private PostgreSQL to stop.
const stopTime = 30 * time.Second

// WithProgress is told, in short sentences, what takes time while OpenLocal starts a PostgreSQL.
func WithProgress(f func(string)) Option { return func(o *openOptions) { o.progress = f } }

// OpenLocal starts the private PostgreSQL of a data folder, or adopts it when it runs, installs or upgrades the schema,
// and opens it. An empty dir is the default folder, ~/.local/share/howdah. While the DB is open a PostgreSQL that dies is
// started again; Close stops it if nobody else uses it. The programs are found on this machine or fetched; where neither
// works the error names the command that installs them.
func OpenLocal(ctx context.Context, dir string, options ...Option) (*DB, error) {
	o := openOptions{log: slog.Default()}
	for _, f := range options {
		f(&o)
	}
	server, err := postgres.Start(ctx, postgres.Config{DataDir: dir, Log: o.log, Progress: o.progress})
	if err != nil {
		return nil, fmt.Errorf("open local database: %w", err)
	}
	release := func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTime)
		defer cancel()
		if err := server.Release(ctx); err != nil {
			o.log.Warn("the private PostgreSQL was not released", "data", server.DataDir(), "error", err)
		}
	}
	db, err := Open(ctx, server.URL(), append([]Option{WithMigrate()}, options...)...)
	if err != nil {
		release()
		return nil, err
	}
	watching, stop := context.WithCancel(context.Background())
	db.local = &local{server: server, stopped: make(chan struct{})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Watch(watching, nil); errors.Is(err, postgres.ErrStopped) {
			close(db.local.stopped)
		}
	}()
	db.after = append(db.after, func() { stop(); <-ended; release() })
	return db, nil
}

type local struct {
	server  *postgres.Server
	stopped chan struct{}
}

// LocalInfo describes the private PostgreSQL of OpenLocal.
type LocalInfo struct {
	DataDir string
	URL     string // through the unix socket
	TCPURL  string // over loopback, with its password
	Version string // of PostgreSQL
	Adopted bool   // it ran already
}

// Local describes the private PostgreSQL; ok is false where the DB came from Open.
func (db *DB) Local() (info LocalInfo, ok bool) {
	if db.local == nil {
		return info, false
	}
	s := db.local.server
	return LocalInfo{DataDir: s.DataDir(), URL: s.URL(), TCPURL: s.TCPURL(), Version: s.Version(), Adopted: s.Adopted()}, true
}

// Stopped is closed when somebody stops the private PostgreSQL on purpose, as `howdah down` does; never otherwise.
func (db *DB) Stopped() <-chan struct{} {
	if db.local == nil {
		return nil
	}
	return db.local.stopped
}
