package prove_test

import "testing"

// Finished claims are history; upkeep folds only what is older, or more, than the settings say, and never what is open.
func TestUpkeepKeepsHistory(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	c := b.consumer("c", "t")
	b.publish("t", 100)
	stuck := b.claim(c, 1)
	b.drain(c, 10)
	const finished = "select count(*) from howdah.claims where outcome = 'acked'"
	before := b.number(finished)
	for range 3 {
		b.must(b.db.Upkeep(b.ctx))
	}
	b.want("finished claims after upkeep", b.number(finished), before)
	b.want("events with the time of their own claim", b.number(`select count(distinct processed_time) from howdah.processing_states('c')`), before)

	b.run("update howdah.setting set value = '4' where name = 'history_claims'")
	b.must(b.db.Upkeep(b.ctx))
	if n := b.number(finished); n > 4 || n < 2 {
		t.Errorf("%d finished claims are kept, want about 4", n)
	}
	b.want("processed events", b.number("select count(processed_time) from howdah.processing_states('c')"), 99)
	b.ack(stuck)
	b.publish("t", 5)
	b.want("events after folding", int64(len(b.drain(c, 10))), 5)
}
