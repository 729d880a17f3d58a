package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/cobra"

	"github.com/howdah/howdah"
)

func (a *app) docsLoadCommand() *cobra.Command {
	var f publishFlags
	cmd := &cobra.Command{
		Use:   "load NAME [FILE…] --key FIELD",
		Short: "Load documents from files or stdin: NDJSON, or CSV with a header",
		Long: `Load documents from files or stdin: NDJSON (one JSON object a line), or CSV with a header,
whose rows become JSON objects. Documents are written in batches, by COPY where their keys
are new; what is written is durable. A document whose key is there becomes its next version.
At a bad line it stops and says which; what was read before it is stored.`,
		Example: "  howdah docs load customers customers.csv --key customer_id\n  howdah docs load customers changes.ndjson --key id --valid-from updated",
		Args:    atLeast("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.key == "" {
				return usageError{errors.New("howdah docs load: say with --key which field is the key")}
			}
			decode, err := f.decoder()
			if err != nil {
				return err
			}
			decode.documents = true
			return a.docsLoad(cmd.Context(), f, decode, args[0], args[1:])
		},
	}
	f.register(cmd, "document")
	cmd.Flags().StringVar(&f.time, "valid-from", "", "`field` that says since when it is true, as RFC 3339 (default: from now on)")
	cmd.Flags().BoolVar(&f.create, "create", false, "create the collection if it is missing")
	return cmd
}

// loaded is what load did.
type loaded struct {
	Collection string  `json:"collection"`
	Documents  int64   `json:"documents"`
	Seconds    float64 `json:"seconds"`
}

// docsLoad reads in one goroutine and writes in this one, as publish does.
func (a *app) docsLoad(ctx context.Context, f publishFlags, decode *decoder, name string, files []string) error {
	sources, err := a.sources(f.format, files)
	if err != nil {
		return err
	}
	db, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	c := db.Collection(name)
	if _, err := c.Info(ctx); f.create && errors.Is(err, howdah.ErrNotFound) {
		if _, err := db.CreateCollection(ctx, name); err != nil {
			return err
		}
	} else if err != nil {
		return err // an unknown collection shows before anything is read
	}
	p := newProgress(a, f.quiet, sources)
	p.noun = "documents"
	lines, failed := startReading(ctx, sources, decode, p)
	sum := loaded{Collection: name}
	begin := time.Now()
	err = writeDocuments(ctx, c, f.batch, lines, func(n int) {
		sum.Documents += int64(n)
		p.published(sum.Documents)
	})
	sum.Seconds = time.Since(begin).Seconds()
	err = ended(ctx, p, err, failed)
	if err != nil && sum.Documents == 0 {
		return err
	}
	return errors.Join(err, a.printLoaded(f.quiet, sum))
}

func (a *app) printLoaded(quiet bool, s loaded) error {
	switch {
	case a.json:
		return a.printJSON(s)
	case quiet:
		return nil
	}
	rate := ""
	if s.Seconds > 0.05 {
		rate = fmt.Sprintf(", %s/s", thousands(int64(float64(s.Documents)/s.Seconds)))
	}
	_, err := fmt.Fprintf(a.Out, "%s loaded into %s in %.1f s%s\n", count(s.Documents, "document"), s.Collection, s.Seconds, rate)
	return err
}

// writeDocuments stores in batches.
func writeDocuments(ctx context.Context, c *howdah.Collection, size int, lines <-chan read, done func(int)) error {
	batch, bytes := make([]read, 0, size), 0
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		// What has been read is stored even when Ctrl-C was pressed meanwhile.
		if err := loadBatch(context.WithoutCancel(ctx), c, batch, done); err != nil {
			return err
		}
		batch, bytes = batch[:0], 0
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			return flush()
		case e, ok := <-lines:
			if !ok {
				return flush()
			}
			batch = append(batch, e)
			if bytes += len(e.Payload); len(batch) == size || bytes >= 16<<20 {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
}

// loadBatch stores a batch. Where the database refuses a document, it stores those before it and names its line: halves of the batch
// find it.
func loadBatch(ctx context.Context, c *howdah.Collection, batch []read, done func(int)) error {
	documents := make([]howdah.Document, len(batch))
	for i, e := range batch {
		documents[i] = howdah.Document{Key: e.Key, Doc: e.Payload, ValidFrom: e.EventTime}
	}
	err := c.Load(ctx, documents...)
	var pg *pgconn.PgError
	switch {
	case err == nil:
		done(len(batch))
		return nil
	case !errors.As(err, &pg) || !strings.HasPrefix(pg.Code, "22") && !strings.HasPrefix(pg.Code, "23"):
		return err // not for what a document holds
	case len(batch) > 1:
		half := len(batch) / 2
		if err := loadBatch(ctx, c, batch[:half], done); err != nil {
			return err
		}
		return loadBatch(ctx, c, batch[half:], done)
	}
	if err := c.PutMany(ctx, documents...); err != nil { // says better than a COPY what is wrong
		return fmt.Errorf("%s:%d: %w", batch[0].source, batch[0].line, err)
	}
	done(1)
	return nil
}
