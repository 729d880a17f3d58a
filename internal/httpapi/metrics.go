package httpapi

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/howdah/howdah"
)

const scrapeTimeout = 5 * time.Second

// metrics are what this server counts, and what a scrape asks of the database.
type metrics struct {
	db       *howdah.DB
	registry *prometheus.Registry

	in, out, settledEvents *prometheus.CounterVec
	groups                 *prometheus.CounterVec
	claimSeconds           prometheus.Histogram
	ackSeconds             prometheus.Histogram
}

func newMetrics(db *howdah.DB) *metrics {
	buckets := prometheus.ExponentialBuckets(0.0005, 2, 14) // 0.5 ms to 4 s
	m := &metrics{
		db:       db,
		registry: prometheus.NewRegistry(),
		in: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "howdah_http_events_published_total",
			Help: "Events that this server has stored."}, []string{"topic"}),
		groups: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "howdah_http_publish_commits_total",
			Help: "Transactions in which this server stored events; requests that arrive together share one."}, []string{"topic"}),
		out: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "howdah_http_events_claimed_total",
			Help: "Events that this server has handed out."}, []string{"consumer"}),
		settledEvents: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "howdah_http_events_settled_total",
			Help: "Events that were acked or nacked through this server."}, []string{"outcome"}),
		claimSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "howdah_claim_duration_seconds",
			Help: "Time of a claim, without waiting for events.", Buckets: buckets}),
		ackSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "howdah_ack_duration_seconds",
			Help: "Time of an ack.", Buckets: buckets}),
	}
	m.registry.MustRegister(m.in, m.groups, m.out, m.settledEvents, m.claimSeconds, m.ackSeconds, m,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) published(topic string, events int) {
	m.in.WithLabelValues(topic).Add(float64(events))
	m.groups.WithLabelValues(topic).Inc()
}
func (m *metrics) claimed(consumer string, events int) {
	m.out.WithLabelValues(consumer).Add(float64(events))
}
func (m *metrics) settled(outcome string, events int64) {
	m.settledEvents.WithLabelValues(outcome).Add(float64(events))
}
func (m *metrics) claimTime(began time.Time) { m.claimSeconds.Observe(time.Since(began).Seconds()) }
func (m *metrics) ackTime(began time.Time)   { m.ackSeconds.Observe(time.Since(began).Seconds()) }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("howdah_"+name, help, labels, nil)
}

var (
	up          = describe("up", "1 while the database answers.")
	eventsIn    = describe("topic_events_in_total", "Ids drawn in the topic, by any producer.", "topic")
	topicBytes  = describe("topic_bytes", "Size of the topic with its indexes.", "topic")
	topicStable = describe("topic_stable_id", "Nothing can appear at or below this id.", "topic")
	eventsOut   = describe("consumer_events_done", "Retained events that the consumer has finished; a seek back lowers it.", "topic", "consumer")
	lagEvents   = describe("consumer_lag_events", "Events that the consumer has not finished.", "topic", "consumer")
	lagSeconds  = describe("consumer_lag_seconds", "Age of the oldest event that the consumer has not finished.", "topic", "consumer")
	inFlight    = describe("consumer_in_flight_events", "Events in open claims.", "topic", "consumer")
	openClaims  = describe("consumer_open_claims", "Claims that workers hold.", "topic", "consumer")
	retries     = describe("consumer_retry_events", "Events that wait to be delivered again.", "topic", "consumer")
	dead        = describe("consumer_dead_letters", "Events that the consumer has given up.", "topic", "consumer")
	paused      = describe("consumer_paused", "1 while the consumer is paused.", "topic", "consumer")
	poolConns   = describe("pool_connections", "Connections to PostgreSQL by state.", "state")
	poolMax     = describe("pool_max_connections", "Limit of the pool.")
	poolTaken   = describe("pool_acquires_total", "Connections taken from the pool.")
	poolEmpty   = describe("pool_waits_total", "Times that no connection was free.")
	poolSeconds = describe("pool_acquire_seconds_total", "Time spent on taking connections.")
)

// Describe makes metrics a collector.
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{up, eventsIn, topicBytes, topicStable, eventsOut, lagEvents, lagSeconds, inFlight, openClaims,
		retries, dead, paused, poolConns, poolMax, poolTaken, poolEmpty, poolSeconds} {
		out <- d
	}
}

// Collect asks the database. Where that does not answer, howdah_up is 0 and its figures are left out.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	p := m.db.PoolStats()
	gauge(poolConns, float64(p.Acquired), "in_use")
	gauge(poolConns, float64(p.Idle), "idle")
	gauge(poolMax, float64(p.Max))
	counter(poolTaken, float64(p.Acquires))
	counter(poolEmpty, float64(p.EmptyAcquires))
	counter(poolSeconds, p.AcquireWait.Seconds())

	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	topics, err := m.db.Topics(ctx)
	if err != nil {
		gauge(up, 0)
		return
	}
	consumers, err := m.db.Consumers(ctx)
	if err != nil {
		gauge(up, 0)
		return
	}
	gauge(up, 1)
	events := map[string]int64{}
	for _, t := range topics {
		events[t.Topic] = t.Events
		counter(eventsIn, float64(t.LastID), t.Topic)
		gauge(topicBytes, float64(t.Bytes), t.Topic)
		if t.StableID != nil {
			gauge(topicStable, float64(*t.StableID), t.Topic)
		}
	}
	for _, c := range consumers {
		gauge(eventsOut, float64(max(0, events[c.Topic]-c.Lag-c.Dead)), c.Topic, c.Consumer)
		gauge(lagEvents, float64(c.Lag), c.Topic, c.Consumer)
		if c.LagSeconds != nil {
			gauge(lagSeconds, *c.LagSeconds, c.Topic, c.Consumer)
		}
		gauge(inFlight, float64(c.InFlight), c.Topic, c.Consumer)
		gauge(openClaims, float64(c.OpenClaims), c.Topic, c.Consumer)
		gauge(retries, float64(c.Pending), c.Topic, c.Consumer)
		gauge(dead, float64(c.Dead), c.Topic, c.Consumer)
		flag := 0.0
		if c.Paused {
			flag = 1
		}
		gauge(paused, flag, c.Topic, c.Consumer)
	}
}
