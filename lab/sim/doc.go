// Package sim holds what every simulated business of the lab has in common: the event and its envelope, the order of
// arrival, the scenario clock, the feed that says which events are due, and the truth that only an instructor sees.
//
// A World is a scenario with a seed. It is a pure function: Day(d) gives the same events on every machine, whether the
// days before were produced or not, by one goroutine or by many. So a producer keeps nothing but a Position:
//
//	world ── Day(d) ──> events in order of arrival ──> Feed ── Take(clock.Scenario(now), n) ──> a topic
//	                                                    │
//	                                                    └── Position: stored with the published events
//
// There are two clocks. Scenario time stamps facts: when a payment was made, when a label was reported, when an event
// arrives. System time stamps the work: leases, latency, ingestion. Clock maps one to the other; speed, pause, step and
// jump change the map and nothing else.
//
// The scenarios are packages of their own (payments); this package knows none of them.
package sim
