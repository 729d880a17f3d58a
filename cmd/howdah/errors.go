package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/howdah/howdah"
)

// hinted is an error with a sentence that says what to do.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }

// printError prints what was wrong, then its detail and what to do about it, each on a line of its own.
func (a *app) printError(err error) {
	message, notes := err.Error(), []string(nil)
	if errors.Is(err, howdah.ErrNotFound) || errors.Is(err, howdah.ErrInvalid) {
		message = kind.ReplaceAllString(message, "$1")
	}
	var pg *pgconn.PgError
	var hint hinted
	var unreachable *pgconn.ConnectError
	switch {
	case errors.As(err, &pg):
		message = shorten(err, pg)
		if pg.Detail != "" {
			notes = append(notes, "detail: "+pg.Detail)
		}
		if h := hintFor(pg); h != "" {
			notes = append(notes, "hint: "+h)
		}
	case errors.Is(err, context.Canceled):
		message = "interrupted"
	case strings.HasPrefix(message, "unknown command "):
		message = didYouMean(message)
	}
	if errors.As(err, &unreachable) {
		message = attempts(message)
	}
	if errors.As(err, &hint) {
		notes = append(notes, "hint: "+hint.hint)
	}
	_, _ = fmt.Fprintf(a.Err, "error: %s\n", strings.TrimSpace(message))
	for _, n := range notes {
		_, _ = fmt.Fprintln(a.Err, n)
	}
}

// kind is what the Go API puts into a text for errors.Is, where the text says as much.
var kind = regexp.MustCompile(`(?m): (?:not found|invalid argument)(:|$)`)

// attempts puts what the driver says of each attempt to connect, a line each, into one line. Without TLS it tries twice; that the
// server offers none is only of interest where nothing else went wrong.
func attempts(message string) string {
	first, block, ok := strings.Cut(message, "\n\t")
	if !ok {
		return message
	}
	var all []string
	for _, line := range strings.Split(block, "\n\t") {
		known := slices.ContainsFunc(all, func(s string) bool { return strings.HasSuffix(s, line) })
		if !known && !strings.HasSuffix(line, "server refused TLS connection") {
			all = append(all, line)
		}
	}
	if len(all) == 0 {
		return message
	}
	return first + " " + strings.Join(all, "; ")
}

// reach adds what to do where there is no PostgreSQL.
func (a *app) reach(err error) error {
	var unreachable *pgconn.ConnectError
	var pg *pgconn.PgError
	if !errors.As(err, &unreachable) || errors.As(err, &pg) || errors.Is(err, context.Canceled) {
		return err
	}
	hint := "check that PostgreSQL runs there and that host, port and database of the URL are right"
	if a.db == "" {
		hint += "; `howdah url` prints the URL"
	}
	return hinted{err, hint}
}

// shorten replaces what the Go API or the driver made of a PostgreSQL error by PostgreSQL's own message, and keeps what
// callers put before it.
func shorten(err error, pg *pgconn.PgError) string {
	long := pg.Error()
	var api *howdah.Error
	if errors.As(err, &api) {
		long = api.Error()
	}
	return strings.Replace(err.Error(), long, pg.Message, 1)
}

// hintFor is PostgreSQL's hint, or one for errors where it has none to give.
func hintFor(pg *pgconn.PgError) string {
	switch {
	case pg.Hint != "" && pg.Code != "42883":
		return pg.Hint
	case pg.Code == "22007" && strings.Contains(pg.Message, "interval"):
		return "Write a duration like 500ms, 30s, 12h or 7d."
	case pg.Code == "42883" && strings.Contains(pg.Message, "howdah."), pg.Code == "3F000":
		return "The schema in this database is older than this program, or missing: run `howdah migrate`."
	case pg.Code == "42501" && strings.HasPrefix(pg.Message, "permission denied for table "):
		return "The table's owner may grant the right: select to read it, insert to publish to it."
	case pg.Code == "28P01" || pg.Code == "28000":
		return "Check user and password in the URL given by --db or HOWDAH_DB."
	case pg.Code == "3D000":
		return "Create the database first, or name another one in the URL."
	}
	return ""
}

// didYouMean puts cobra's suggestions, which come as a block of lines, into one line.
func didYouMean(message string) string {
	first, block, ok := strings.Cut(message, "\n\nDid you mean this?\n")
	if !ok {
		return message
	}
	return first + "; did you mean " + strings.Join(strings.Fields(block), " or ") + "?"
}
