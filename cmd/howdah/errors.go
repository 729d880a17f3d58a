package main

import (
	"context"
	"errors"
	"fmt"
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
	var pg *pgconn.PgError
	var hint hinted
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
	if errors.As(err, &hint) {
		notes = append(notes, "hint: "+hint.hint)
	}
	_, _ = fmt.Fprintf(a.Err, "error: %s\n", strings.TrimSpace(message))
	for _, n := range notes {
		_, _ = fmt.Fprintln(a.Err, n)
	}
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
