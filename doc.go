// Package howdah is a durable event log, with documents and objects beside it, on one PostgreSQL.
//
// An event is stored once in its topic's table, whatever the number of consumers, and is never updated. Producers know
// nothing of consumers: a plain INSERT is one. A consumer is a named subscription that sees every event of its topic;
// its workers share the work. What a consumer has not finished is its whole state:
//
//	            claim                     ack
//	waiting ───────────────▶ open ───────────────▶ done
//	   ▲                      │ │                    │
//	   │ seek back       nack │ │ lease passed       │ replay
//	   │                      ▼ ▼                    │
//	   │                    pending ◀────────────────┘
//	   │                      │  ▲
//	   │         max_attempts │  │ redrive
//	   │                      ▼  │
//	   └─────────────────── dead letter
//
// The rules live in SQL functions of schema howdah, which psql and every other client call as well; this package calls
// them, keeps leases alive, and sleeps until there is something to do. Delivery is at least once with [Consumer.Run];
// with [Consumer.RunTx] the handler's writes and the ack commit together, so effects in the same database happen exactly
// once.
package howdah
