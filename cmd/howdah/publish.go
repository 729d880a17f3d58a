package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/howdah/howdah"
)

// publishFlags are those of `howdah publish` and of `howdah docs load`.
type publishFlags struct {
	format, key, time, zone string
	batch                   int
	strings, create, quiet  bool
}

func (a *app) publishCommand() *cobra.Command {
	var f publishFlags
	cmd := &cobra.Command{
		Use:   "publish TOPIC [FILE…]",
		Short: "Publish events from files or stdin: NDJSON, or CSV with a header",
		Long: `Publish events from files or stdin: NDJSON (one JSON value a line), or CSV with a header,
whose rows become JSON objects. Events are written in batches with COPY; when a batch
is written it is durable. At a bad line it stops and says which; what was read before
it is published.`,
		Example: "  howdah publish payments payments.ndjson --key card --time at\n  tail -F app.log.json | howdah publish logs",
		Args:    atLeast("TOPIC"),
		RunE: func(cmd *cobra.Command, args []string) error {
			decode, err := f.decoder()
			if err != nil {
				return err
			}
			return a.publish(cmd.Context(), f, decode, args[0], args[1:])
		},
	}
	f.register(cmd, "event")
	cmd.Flags().StringVar(&f.time, "time", "", "`field` that says when it happened, as RFC 3339")
	cmd.Flags().BoolVar(&f.create, "topic-create", false, "create the topic if it is missing")
	return cmd
}

// register adds those flags that `howdah docs load` has too; what is a word for one of what is read.
func (f *publishFlags) register(cmd *cobra.Command, what string) {
	flags := cmd.Flags()
	flags.StringVar(&f.format, "format", "", "ndjson or csv (default: csv for files named .csv, else ndjson)")
	flags.StringVar(&f.key, "key", "", "`field` whose value is the "+what+"'s key")
	flags.StringVar(&f.zone, "zone", "", "time `zone` of times that have none, such as America/Chicago")
	flags.IntVar(&f.batch, "batch", 5000, what+"s in one transaction at most")
	flags.BoolVar(&f.strings, "strings", false, "keep all values of CSV as strings")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "no progress bar and no summary")
}

func (f publishFlags) decoder() (*decoder, error) {
	d := &decoder{key: f.key, time: f.time, strings: f.strings}
	if f.batch < 1 {
		return nil, usageError{fmt.Errorf("--batch is %d, not positive", f.batch)}
	}
	if f.format != "" && f.format != "ndjson" && f.format != "csv" {
		return nil, usageError{fmt.Errorf("--format is %q, not ndjson or csv", f.format)}
	}
	if f.zone != "" {
		zone, err := time.LoadLocation(f.zone)
		if err != nil {
			return nil, usageError{fmt.Errorf("--zone %q is not a time zone: write it like America/Chicago or UTC", f.zone)}
		}
		d.zone = zone
	}
	return d, nil
}

// publish reads in one goroutine and writes in this one. Reading may block for ever (a pipe that stays silent), so it is
// left behind when ctx ends.
func (a *app) publish(ctx context.Context, f publishFlags, decode *decoder, topic string, files []string) error {
	sources, err := a.sources(f.format, files)
	if err != nil {
		return err
	}
	db, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	if f.create {
		if err := createIfMissing(ctx, db, topic); err != nil {
			return err
		}
	}
	if _, err := db.Topic(topic).StableID(ctx); err != nil {
		return err // an unknown topic shows before anything is read
	}
	p := newProgress(a, f.quiet, sources)
	events, failed := startReading(ctx, sources, decode, p)
	sum, err := write(ctx, db.Topic(topic), f.batch, events, p)
	err = ended(ctx, p, err, failed)
	if err == nil || sum.Events > 0 {
		if printErr := a.printSummary(topic, f.quiet, sum); err == nil {
			err = printErr
		}
	}
	return err
}

// startReading reads in a goroutine of its own. failed says how it ended.
func startReading(ctx context.Context, sources []source, decode *decoder, p *progress) (events <-chan read, failed <-chan error) {
	lines, end := make(chan read, 4096), make(chan error, 1)
	go func() {
		defer close(lines)
		end <- readAll(ctx, sources, decode, p, lines)
	}()
	return lines, end
}

// ended is the error of writing, of reading, or that it was called off.
func ended(ctx context.Context, p *progress, err error, failed <-chan error) error {
	p.finish()
	if err == nil && ctx.Err() == nil {
		err = <-failed
	}
	if err == nil {
		err = ctx.Err()
	}
	return err
}

func createIfMissing(ctx context.Context, db *howdah.DB, topic string) error {
	_, err := db.Topic(topic).StableID(ctx)
	if errors.Is(err, howdah.ErrNotFound) {
		_, err = db.CreateTopic(ctx, topic)
	}
	return err
}

// summary is what publish did.
type summary struct {
	Topic   string  `json:"topic"`
	Events  int64   `json:"events"`
	LastID  int64   `json:"last_id,omitempty"`
	Seconds float64 `json:"seconds"`
}

func (a *app) printSummary(topic string, quiet bool, s summary) error {
	s.Topic = topic
	switch {
	case a.json:
		return a.printJSON(s)
	case quiet:
		return nil
	}
	rate := ""
	if s.Seconds > 0.05 {
		rate = fmt.Sprintf(", %s/s", thousands(int64(float64(s.Events)/s.Seconds)))
	}
	_, err := fmt.Fprintf(a.Out, "%s published to %s in %.1f s%s\n", count(s.Events, "event"), topic, s.Seconds, rate)
	return err
}

// write publishes in batches: full ones, and after a moment what has come, so that a slow pipe is not held back.
func write(ctx context.Context, topic *howdah.Topic, size int, events <-chan read, p *progress) (s summary, err error) {
	const moment = 100 * time.Millisecond
	begin := time.Now()
	defer func() { s.Seconds = time.Since(begin).Seconds() }()
	batch := make([]howdah.Event, 0, size)
	bytes := 0
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		// What has been read is published even when Ctrl-C was pressed meanwhile.
		id, err := topic.Publish(context.WithoutCancel(ctx), batch...)
		if err != nil {
			return err
		}
		s.Events, s.LastID = s.Events+int64(len(batch)), id
		p.published(s.Events)
		batch, bytes = batch[:0], 0
		return nil
	}
	var late <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return s, flush()
		case <-late:
			late = nil
			if err := flush(); err != nil {
				return s, err
			}
		case e, ok := <-events:
			if !ok {
				return s, flush()
			}
			if len(batch) == 0 {
				late = time.After(moment)
			}
			batch = append(batch, e.Event)
			bytes += len(e.Payload)
			if len(batch) < size && bytes < 16<<20 {
				continue
			}
			late = nil
			if err := flush(); err != nil {
				return s, err
			}
		}
	}
}

// source is a file, or stdin.
type source struct {
	name string
	csv  bool
	size int64 // -1 where it is not known
	open func() (io.ReadCloser, error)
}

func (a *app) sources(format string, files []string) ([]source, error) {
	if len(files) == 0 {
		if f, ok := a.In.(*os.File); ok && isTerminal(f) {
			_, _ = fmt.Fprintln(a.Err, "reading events from the terminal, one JSON value a line; end with Ctrl-D")
		}
		files = []string{"-"}
	}
	var all []source
	for _, name := range files {
		s := source{name: name, size: -1, csv: format == "csv" || format == "" && strings.EqualFold(filepath.Ext(name), ".csv")}
		if name == "-" {
			s.name = "stdin"
			s.open = func() (io.ReadCloser, error) { return io.NopCloser(a.In), nil }
		} else {
			info, err := os.Stat(name)
			if err != nil {
				return nil, err
			}
			if info.IsDir() {
				return nil, usageError{fmt.Errorf("%s is a folder: name files", name)}
			}
			if info.Mode().IsRegular() {
				s.size = info.Size()
			}
			s.open = func() (io.ReadCloser, error) { return os.Open(name) }
		}
		all = append(all, s)
	}
	return all, nil
}
