package howdah_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/testdb"
)

// The examples need a database: HOWDAH_DB is its URL, such as `howdah url` prints.

func Example() {
	ctx := context.Background()
	db, err := howdah.Open(ctx, os.Getenv("HOWDAH_DB"), howdah.WithMigrate())
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	payments, err := db.CreateTopic(ctx, "payments")
	if err != nil {
		log.Fatal(err)
	}
	_, err = payments.Publish(ctx,
		howdah.Event{Key: "ada", Payload: []byte(`{"cents": 1250}`)},
		howdah.Event{Key: "bob", Payload: []byte(`{"cents": 300}`)})
	if err != nil {
		log.Fatal(err)
	}

	audit, err := db.CreateConsumer(ctx, "audit", "payments")
	if err != nil {
		log.Fatal(err)
	}
	err = audit.Run(ctx, func(_ context.Context, batch []howdah.Event) error {
		for _, e := range batch {
			fmt.Println(e.ID, e.Key, string(e.Payload))
		}
		return nil
	}, howdah.UntilIdle()) // without UntilIdle it goes on until ctx ends
	if err != nil {
		log.Fatal(err)
	}
	// 1 ada {"cents": 1250}
	// 2 bob {"cents": 300}
}

// The handler's writes and the ack commit together, so each payment is counted exactly once.
func ExampleConsumer_RunTx() {
	ctx := context.Background()
	db, err := howdah.Open(ctx, os.Getenv("HOWDAH_DB"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Pool().Exec(ctx, "create table if not exists balance (name text primary key, cents bigint not null)"); err != nil {
		log.Fatal(err)
	}
	balances, err := db.CreateConsumer(ctx, "balances", "payments", howdah.FromEarliest())
	if err != nil {
		log.Fatal(err)
	}
	err = balances.RunTx(ctx, func(ctx context.Context, tx pgx.Tx, batch []howdah.Event) error {
		for _, e := range batch {
			_, err := tx.Exec(ctx, `insert into balance values ($1, ($2::json ->> 'cents')::bigint)
				on conflict (name) do update set cents = balance.cents + excluded.cents`, e.Key, string(e.Payload))
			if err != nil {
				return err
			}
		}
		return nil
	}, howdah.Workers(4), howdah.Batch(100), howdah.UntilIdle())
	if err != nil {
		log.Fatal(err)
	}
	var sum int64
	if err := db.Pool().QueryRow(ctx, "select sum(cents)::bigint from balance").Scan(&sum); err != nil {
		log.Fatal(err)
	}
	fmt.Println(sum, "cents")
	// 1550 cents
}

// An event appears when the transaction commits, together with what else it wrote.
func ExampleTopic_PublishTx() {
	ctx := context.Background()
	db, err := howdah.Open(ctx, os.Getenv("HOWDAH_DB"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	err = pgx.BeginFunc(ctx, db.Pool(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "update balance set cents = 0 where name = 'bob'"); err != nil {
			return err
		}
		_, err := db.Topic("payments").PublishTx(ctx, tx, howdah.Event{Key: "bob", Payload: []byte(`{"cents": -300}`)})
		return err
	})
	fmt.Println(err)
	// <nil>
}

// A worker that claims, works and settles by hand.
func ExampleConsumer_Claim() {
	ctx := context.Background()
	db, err := howdah.Open(ctx, os.Getenv("HOWDAH_DB"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	reports, err := db.CreateConsumer(ctx, "reports", "payments", howdah.Lease(time.Minute))
	if err != nil {
		log.Fatal(err)
	}
	claim, err := reports.Claim(ctx, 10)
	if err != nil || claim == nil { // nil: nothing to do now
		log.Fatal(err)
	}
	var failed []int64
	for _, e := range claim.Events {
		if e.Key == "bob" {
			failed = append(failed, e.ID)
		}
	}
	nacked, err := claim.Nack(ctx, "bob is not known yet", failed...)
	if err != nil {
		log.Fatal(err)
	}
	acked, err := claim.Ack(ctx) // the rest
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(acked, "acked,", nacked, "to be delivered again")
	// 1 acked, 2 to be delivered again
}

// TestExamples runs the examples one after another on one database.
func TestExamples(t *testing.T) {
	t.Setenv("HOWDAH_DB", testdb.New(t))
	stdout := os.Stdout
	defer func() { os.Stdout = stdout }()
	for _, example := range []struct {
		run  func()
		want string
	}{
		{Example, "1 ada {\"cents\": 1250}\n2 bob {\"cents\": 300}\n"},
		{ExampleConsumer_RunTx, "1550 cents\n"},
		{ExampleTopic_PublishTx, "<nil>\n"},
		{ExampleConsumer_Claim, "1 acked, 2 to be delivered again\n"},
	} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		os.Stdout = w
		example.run()
		_ = w.Close()
		if out, err := io.ReadAll(r); err != nil || string(out) != example.want {
			t.Errorf("it prints %q, not %q (%v)", out, example.want, err)
		}
	}
}
