package howdah_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/testdb"
)

// FuzzPublish: any text goes through PostgreSQL unchanged, one by one and as a batch, or is refused as a whole.
func FuzzPublish(f *testing.F) {
	for _, text := range awkward {
		f.Add(text, []byte(text))
	}
	f.Add("a\x00b", []byte("a\x00b"))
	f.Add("\xff\xfe", []byte{0xff, 0xfe, 0})
	f.Add("\u2028\ufeff\U0010ffff", []byte(nil))
	ctx := context.Background()
	db, err := howdah.Open(ctx, testdb.New(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(db.Close)
	texts, err := db.CreateTopic(ctx, "texts")
	if err != nil {
		f.Fatal(err)
	}
	raws, err := db.CreateTopic(ctx, "raws", howdah.Bytes())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string, raw []byte) {
		value, err := json.Marshal(text) // replaces what is no UTF-8
		if err != nil {
			t.Fatal(err)
		}
		event := howdah.Event{Key: text, Payload: value, Headers: json.RawMessage(`{"h": ` + string(value) + `}`)}
		valid := utf8.ValidString(text) && !strings.Contains(text, "\x00")
		for _, events := range [][]howdah.Event{{event}, {event, event}} {
			last, err := texts.Publish(ctx, events...)
			if (err == nil) != valid {
				t.Fatalf("%d of %q: %v", len(events), text, err)
			}
			if err != nil {
				continue
			}
			var n int
			err = db.Pool().QueryRow(ctx, `select count(*) from events.texts where id > $1 and key is not distinct from nullif($2, '')
				and payload::text = $3 and headers ->> 'h' = $2`, last-int64(len(events)), text, string(value)).Scan(&n)
			if err != nil || n != len(events) {
				t.Fatalf("%d of %d came back of %q: %v", n, len(events), text, err)
			}
		}
		last, err := raws.Publish(ctx, howdah.Event{Payload: raw}, howdah.Event{Payload: raw})
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		if err := db.Pool().QueryRow(ctx, "select payload from events.raws where id = $1", last).Scan(&got); err != nil || !bytes.Equal(got, raw) {
			t.Fatalf("%x came back as %x: %v", raw, got, err)
		}
	})
}
