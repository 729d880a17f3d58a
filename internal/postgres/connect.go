package postgres

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
)

// Info says how to reach a running server.
type Info struct {
	DataDir string // the data folder
	PID     int    // of the postmaster
	Port    int    // on 127.0.0.1
	Socket  string // folder of the unix socket

	password string
}

// URL connects as the role howdah through the unix socket. It is understood by
// everything that uses libpq, and by pgx.
func (i Info) URL() string { return i.SocketURL(Role, Database) }

// SocketURL connects as any role to any database through the unix socket,
// which needs no password.
func (i Info) SocketURL(role, database string) string {
	return fmt.Sprintf("postgres://%s@/%s?host=%s&port=%d",
		url.PathEscape(role), url.PathEscape(database), url.PathEscape(i.Socket), i.Port)
}

// TCPURL connects as the role howdah over loopback and holds the password: for
// clients that cannot use a unix socket.
func (i Info) TCPURL() string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=disable", Role, i.password, i.Port, Database)
}

// connect opens one connection as the superuser.
func (i Info) connect(ctx context.Context, database string) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(i.SocketURL(Superuser, database))
	if err != nil {
		return nil, fmt.Errorf("make connection settings: %w", err)
	}
	cfg.ConnectTimeout = 10 * time.Second
	cfg.RuntimeParams = map[string]string{"application_name": "howdah start", "search_path": ""}
	return pgx.ConnectConfig(ctx, cfg)
}
