package howdah

import (
	"context"
	"time"

	"github.com/howdah/howdah/internal/eventlog"
)

// HeldClaim gives a handle for a claim by its id, for programs that pass claims from one process to another. It does
// not look whether the claim is still held, and knows neither its events nor its lease.
func (db *DB) HeldClaim(id int64) *Claim { return &Claim{ID: id, db: db} }

// ClaimWait is Claim that waits, at most for wait, until there is something to claim. nil: there was nothing.
func (c *Consumer) ClaimWait(ctx context.Context, n int, wait time.Duration, options ...ClaimOption) (*Claim, error) {
	var o claimOptions
	for _, f := range options {
		f(&o)
	}
	patience, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		claim, err := c.Claim(ctx, n, options...)
		if claim != nil || err != nil || patience.Err() != nil {
			return claim, err
		}
		began := time.Now()
		if o.window == (eventlog.Window{}) {
			_, _, err = c.db.wakerOf().Wait(patience, c.name, nil, nil)
		}
		if err != nil && patience.Err() == nil {
			return nil, wrap(err, "wait for %s", c.name)
		}
		// What the waker sees and a claim does not get (it lies outside the window, another worker was faster) must
		// not make this loop spin.
		if time.Since(began) >= pause {
			pause = 5 * time.Millisecond
			continue
		}
		select {
		case <-patience.Done():
		case <-time.After(pause):
		}
	}
}

// Wake makes the workers of this process that sleep look again, after something that does not notify: a nack, a redrive,
// a seek.
func (db *DB) Wake() {
	db.mu.Lock()
	w := db.waker
	db.mu.Unlock()
	if w != nil {
		w.Wake(-1)
	}
}

// IsTemporary says whether an error may pass when one tries again: a lost connection, a server that starts or stops, a
// failover, a busy lock. A write that ended so may have been stored.
func IsTemporary(err error) bool { return err != nil && passing(err) }
