package schema_test

import (
	"context"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
)

// next asks for the next events above seen, and returns the claim of each consumer that has made one.
func next(t *testing.T, conn *pgx.Conn, seen int64, batch int, consumers ...string) map[string]int64 {
	t.Helper()
	rows, err := conn.Query(context.Background(), `select c.name, r.claim_id
		from howdah.reserve_next((select number from howdah.topic where name = 'things'), $1, array(select $2::bigint from unnest($1::text[])),
			array(select $3::int from unnest($1::text[])), array(select null::interval from unnest($1::text[]))) r
		join unnest($1::text[]) with ordinality c (name, nr) on c.nr = r.consumer`, consumers, seen, batch)
	made := map[string]int64{}
	if err == nil {
		var name string
		var claim int64
		_, err = pgx.ForEachRow(rows, []any{&name, &claim}, func() error { made[name] = claim; return nil })
	}
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// TestReserveNext checks whom reserve_next serves, and that everybody else is left to howdah.reserve.
func TestReserveNext(t *testing.T) {
	url := newDatabase(t)
	conn, other := connect(t, url), connect(t, url)
	must(t, conn, "set datestyle = 'SQL'")
	must(t, conn, "set timezone = 'Asia/Jakarta'") // times in text would not be understood
	must(t, conn, "select howdah.create_topic('things')")
	must(t, conn, "select howdah.create_topic('others')")
	for _, sql := range []string{"'a', 'things'", "'b', 'things'", "'ordered', 'things', ordered => true", "'paused', 'things'", "'locked', 'things'", "'stranger', 'others'"} {
		must(t, conn, "select howdah.create_consumer("+sql+")")
	}
	all := []string{"stranger", "b", "locked", "paused", "nobody", "ordered", "a"}
	must(t, conn, "select howdah.pause('paused')")
	must(t, conn, "insert into events.things (payload) select '1' from generate_series(1, 10)")
	tx, err := other.Begin(context.Background())
	if err == nil {
		_, err = tx.Exec(context.Background(), "select howdah.reserve('locked', 1)")
	}
	if err != nil {
		t.Fatal(err)
	}
	if made := next(t, conn, 10, 5, all...); len(made) > 0 {
		t.Errorf("claims of what has been seen: %v", made)
	}
	if who := one[int](t, conn, "select coalesce(max(consumer), 0) from howdah.reserve_next(1, '{a,locked}', '{10,0}', '{1,1}', '{null,null}')"); who > 0 {
		t.Errorf("a claim of consumer %d", who)
	}
	made := next(t, conn, 9, 5, all...)
	if len(made) != 2 || made["a"] == 0 || made["b"] == 0 {
		t.Fatalf("claims of %v, not of a and b", made)
	}
	for _, claim := range made {
		if ids := one[[]int64](t, conn, "select array[first_id, last_id, held] from howdah.claims where claim_id = $1", claim); !slices.Equal(ids, []int64{1, 5, 5}) {
			t.Errorf("a claim of %v, not of 1 to 5", ids)
		}
	}
	if err := tx.Rollback(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, batch := range []int{0, 10001} {
		if made := next(t, conn, 0, batch, all...); len(made) > 0 {
			t.Errorf("batch %d: %v", batch, made)
		}
	}

	// a has a retry that is due, and b a lease that has passed
	must(t, conn, "select howdah.nack($1, '{3}', 'no', '0 s')", made["a"])
	must(t, conn, "update howdah.claims set lease_until = now() - interval '1 s', next_lease = now() - interval '1 s' where claim_id = $1", made["b"])
	if made := next(t, conn, 0, 5, all...); len(made) != 1 || made["locked"] == 0 {
		t.Errorf("claims of %v, not of locked alone", made)
	}

	tx, err = conn.BeginTx(context.Background(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		t.Fatal(err)
	}
	code(t, conn, "25000", "select * from howdah.reserve_next(1, '{a}', '{0}', '{1}', '{null}')")
	_ = tx.Rollback(context.Background())
	checkAll(t, conn)
}

// TestReserveNextKeepsOpenClaims looks at the list of open claims, which finds what has been lost, while it is shortened.
func TestReserveNextKeepsOpenClaims(t *testing.T) {
	conn := connect(t, newDatabase(t))
	must(t, conn, "select howdah.create_topic('things')")
	must(t, conn, "select howdah.create_consumer('a', 'things')")
	must(t, conn, "insert into events.things (payload) select '1' from generate_series(1, 60)")
	var held []int64
	longest := 0
	for i := range 60 {
		claim := next(t, conn, 0, 1, "a")["a"]
		if claim == 0 { // more than 32 are looked at by howdah.reserve
			claim = one[int64](t, conn, "select claim_id from howdah.reserve('a', 1)")
		}
		if i%3 > 0 {
			must(t, conn, "select howdah.ack($1)", claim)
		} else {
			held = append(held, claim)
		}
		open := one[[]int64](t, conn, "select open from howdah.claims order by claim_id desc limit 1")
		for _, claim := range held {
			if !slices.Contains(open, claim) {
				t.Fatalf("after %d claims %d is not in the list: %v", i+1, claim, open)
			}
		}
		longest = max(longest, len(open))
	}
	if longest > 40 {
		t.Errorf("the list of open claims grew to %d", longest)
	}
	checkAll(t, conn)
}
