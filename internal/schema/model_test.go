package schema_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// TestModel runs random sequences of everything that producers, workers and operators may do, against a model that
// knows of every event only where it is. The sequences are the same each time; HOWDAH_SEED takes another seed, or random.
func TestModel(t *testing.T) {
	seed := uint64(1)
	if s := os.Getenv("HOWDAH_SEED"); s == "random" {
		seed = uint64(time.Now().UnixNano())
	} else if s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	steps, runs := 200, 3
	if testing.Short() {
		steps, runs = 100, 1
	}
	for run := range runs {
		for number, kind := range []struct {
			name       string
			ordered    bool
			partitions int
		}{{"unordered", false, 1}, {"unordered in partitions", false, 4}, {"ordered", true, 1}, {"ordered in partitions", true, 4}} {
			t.Run(fmt.Sprintf("%s %d", kind.name, run), func(t *testing.T) {
				t.Logf("HOWDAH_SEED=%d", seed)
				m := newModel(t, rand.New(rand.NewPCG(seed, uint64(10*run+number))), kind.ordered, kind.partitions)
				for range steps {
					m.step()
					m.compare()
					if t.Failed() {
						for _, line := range m.history[max(0, len(m.history)-60):] {
							t.Log(line)
						}
						t.FailNow()
					}
				}
				m.drain()
			})
		}
	}
}

// step does one thing at random.
func (m *model) step() {
	switch n := m.r.IntN(100); {
	case n < 16:
		m.publish()
	case n < 19:
		m.openProducer()
	case n < 32:
		m.claim(1+m.r.IntN(50), nil)
	case n < 46:
		m.claimNext(1 + m.r.IntN(50))
	case n < 51 && !m.ordered:
		m.claim(1+m.r.IntN(20), m.window())
	case n < 62:
		m.ack()
	case n < 74:
		m.nack()
	case n < 78:
		m.release()
	case n < 82:
		m.extend()
	case n < 90:
		m.pass([]time.Duration{250 * time.Second, 700 * time.Second}[m.r.IntN(2)])
	case n < 92:
		m.seek()
	case n < 95:
		m.replay()
	case n < 98:
		m.redrive()
	default:
		m.note("upkeep")
		must(m.t, m.conn, "select howdah.upkeep()")
	}
}

// drain lets every worker come to its end: afterwards each event is done or dead.
func (m *model) drain() {
	if m.tx != nil {
		m.openProducer()
	}
	m.pass(2000 * time.Second)
	for range 10000 {
		if k := m.claim(50, nil); k != nil {
			m.settle(k, k.ids(), "ack")
			continue
		}
		if len(m.claims) == 0 && m.count(pending) == 0 && m.count(waiting) == 0 {
			m.compare()
			return
		}
		m.pass(2000 * time.Second)
	}
	m.t.Errorf("not drained: %d waiting, %d pending, %d open claims", m.count(waiting), m.count(pending), len(m.claims))
}
