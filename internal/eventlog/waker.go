package eventlog

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	flagClass = 1213159169             // first key of the advisory lock by which a producer sees that somebody sleeps
	pollEvery = 2 * time.Second        // the backup, should a notification get lost
	flagHold  = 100 * time.Millisecond // a flag is lowered after so much steady work

	watchPatience = 10 * time.Second // with a connection that does not answer
)

// A Waker lets the workers of one process sleep until a producer commits. It owns one direct connection: that listens,
// and holds the flag of every topic on which a worker of this process sleeps. A producer that finds a flag up notifies
// at commit. Behind a pooler, where session locks and LISTEN do not work, there is no connection and workers poll.
type Waker struct {
	pool *pgxpool.Pool
	log  *slog.Logger
	life context.Context // ends with Close
	stop context.CancelFunc
	done chan struct{}
	kick chan struct{} // flags have to be looked at

	looks sync.WaitGroup

	mu     sync.Mutex
	topics map[int]*sleepers
	up     bool // the connection listens
}

// sleepers are the workers of this process that wait for one topic.
type sleepers struct {
	wake   chan struct{} // closed to wake all
	count  int           // workers asleep
	raised bool          // the flag is up
	own    bool          // and this process holds it
	tried  int           // how often it was tried to raise it
	busy   time.Time     // since when nobody has slept
	follower
}

// NewWaker starts a waker on the pool's database.
func NewWaker(pool *pgxpool.Pool, log *slog.Logger) *Waker {
	ctx, stop := context.WithCancel(context.Background())
	w := &Waker{pool: pool, log: log, life: ctx, stop: stop, done: make(chan struct{}), kick: make(chan struct{}), topics: map[int]*sleepers{}}
	go w.run(ctx)
	return w
}

// Close stops the waker and lowers its flags.
func (w *Waker) Close() {
	w.mu.Lock()
	w.stop() // nobody begins to look any more
	w.mu.Unlock()
	w.looks.Wait()
	<-w.done
}

// Wait sleeps after a claim of consumer that found nothing, until there may be something, or ctx ends. Before it sleeps
// it makes sure, with the flag up, that no producer is open and nothing is left, because a producer that looked at the
// flag before it was up will not notify. While producers are open it follows the topic's stable id instead.
// Where ask is given, what a producer brings is claimed as by Next.
func (w *Waker) Wait(ctx context.Context, consumer string, ask *Ask, kicked <-chan struct{}) (taken *Taken, more bool, err error) {
	var wake <-chan struct{} // not nil: this worker counts as asleep on topic, and the flag is up
	var topic int
	for {
		v, err := watch(ctx, w.pool, consumer)
		if wake != nil && (err != nil || v.behind || v.marked) {
			w.leave(topic)
		}
		if err != nil || v.behind {
			return nil, true, err
		}
		limit := pollEvery
		if v.nextDue >= 0 {
			limit = min(limit, max(v.nextDue, time.Millisecond))
		}
		if v.marked {
			taken, more, err := w.follow(ctx, v.topic, &waiter{ask: ask, seen: v.stable, quiet: true}, limit, kicked)
			due := v.nextDue >= 0 && v.nextDue <= limit // a retry or a lease, which no look finds
			return taken, taken == nil && (more || due), err
		}
		if wake != nil {
			woken, late, err := sleep(ctx, limit, wake, kicked)
			if late && v.nextDue < 0 && w.owns(topic) && (ask == nil || !ask.Once) {
				continue // one look is enough to go on sleeping
			}
			w.leave(topic)
			if woken && ask != nil {
				return w.Next(ctx, ask, v.stable, kicked)
			}
			return nil, true, err
		}
		var raised bool
		topic = v.topic
		if wake, raised = w.enter(ctx, topic); !raised {
			w.leave(topic)
			_, _, err := sleep(ctx, min(limit, 50*time.Millisecond), nil, kicked)
			return nil, true, err
		}
	}
}

// sleep says whether it was woken, and whether it slept to the end.
func sleep(ctx context.Context, d time.Duration, wake, kicked <-chan struct{}) (woken, late bool, err error) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false, false, ctx.Err()
	case <-wake:
		return true, false, nil
	case <-kicked:
		return false, false, nil
	case <-t.C:
		return false, true, nil
	}
}

// Idle says whether a consumer has nothing to do, now or later, until somebody publishes.
func Idle(ctx context.Context, pool *pgxpool.Pool, consumer string) (bool, error) {
	v, err := watch(ctx, pool, consumer)
	return err == nil && !v.behind && !v.marked && v.nextDue < 0, err
}

type watched struct {
	topic          int
	stable         int64
	behind, marked bool
	nextDue        time.Duration // negative: nothing is due
}

func watch(ctx context.Context, pool *pgxpool.Pool, consumer string) (v watched, err error) {
	var due *float64
	err = Within(ctx, watchPatience, func(ctx context.Context) error {
		return pool.QueryRow(ctx, "select topic, stable, behind, marked, next_due from howdah.watch($1)", consumer).
			Scan(&v.topic, &v.stable, &v.behind, &v.marked, &due)
	})
	v.nextDue = -1
	if due != nil {
		v.nextDue = time.Duration(*due * float64(time.Second))
	}
	return v, err
}

// enter registers a sleeper and waits until the topic's flag is up, or is known not to be.
func (w *Waker) enter(ctx context.Context, topic int) (<-chan struct{}, bool) {
	w.mu.Lock()
	s := w.topic(topic)
	s.count++
	if !s.own {
		s.raised = false // who held it may have gone
	}
	wake, up, raised, tried := s.wake, w.up, s.raised, s.tried
	w.mu.Unlock()
	if !up || raised {
		return wake, raised
	}
	patience, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	for {
		select {
		case w.kick <- struct{}{}:
		case <-patience.Done():
			return wake, false
		}
		w.mu.Lock()
		raised, again := s.raised, s.tried
		w.mu.Unlock()
		if raised || again > tried {
			return wake, raised
		}
	}
}

// topic gives the sleepers of a topic. The caller holds the lock.
func (w *Waker) topic(number int) *sleepers {
	s := w.topics[number]
	if s == nil {
		s = &sleepers{wake: make(chan struct{}), busy: time.Now()}
		w.topics[number] = s
	}
	return s
}

// owns says whether this process has raised the flag of a topic: another one may end and take its flag along.
func (w *Waker) owns(topic int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.topics[topic].own
}

func (w *Waker) leave(topic int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.topics[topic]
	s.count--
	if s.count == 0 {
		s.busy = time.Now()
	}
}

// Wake wakes the sleepers of a topic, or of all topics where topic is negative.
func (w *Waker) Wake(topic int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for n, s := range w.topics {
		if topic < 0 || n == topic {
			close(s.wake)
			s.wake = make(chan struct{})
		}
	}
}

// run keeps the connection, listens, and raises and lowers flags.
func (w *Waker) run(ctx context.Context) {
	defer close(w.done)
	for ctx.Err() == nil {
		conn, err := pgx.ConnectConfig(ctx, w.pool.Config().ConnConfig)
		if err == nil {
			err = w.serve(ctx, conn)
			_ = conn.Close(context.WithoutCancel(ctx))
		}
		w.mu.Lock()
		w.up = false
		for _, s := range w.topics {
			s.raised, s.own = false, false
		}
		w.mu.Unlock()
		w.Wake(-1)
		if ctx.Err() == nil && err != nil {
			w.log.Debug("the wake-up connection was lost; polling until it is back", "error", err)
		}
		_, _, _ = sleep(ctx, time.Second, nil, nil)
	}
}

// serve returns when the connection is lost. Where nobody can notify it stays without flags until ctx ends.
func (w *Waker) serve(ctx context.Context, conn *pgx.Conn) error {
	var pid uint32
	if err := conn.QueryRow(ctx, "select pg_catalog.pg_backend_pid()").Scan(&pid); err != nil {
		return err
	}
	// A producer that may prepare its transaction must not notify, so the triggers never do where that is possible.
	var prepared string
	if err := conn.QueryRow(ctx, "show max_prepared_transactions").Scan(&prepared); err != nil {
		return err
	}
	if pid != conn.PgConn().PID() || prepared != "0" {
		w.log.Info("workers poll instead of being woken", "pooler", pid != conn.PgConn().PID(), "max_prepared_transactions", prepared)
		_ = conn.Close(ctx)
		<-ctx.Done()
		return nil
	}
	if _, err := conn.Exec(ctx, "listen howdah"); err != nil {
		return err
	}
	w.mu.Lock()
	w.up = true
	w.mu.Unlock()
	for {
		if err := w.flags(ctx, conn); err != nil {
			return err
		}
		wait, cancel := context.WithTimeout(ctx, w.patience())
		go func() {
			select {
			case <-w.kick:
				cancel()
			case <-wait.Done():
			}
		}()
		n, err := conn.WaitForNotification(wait)
		woken := wait.Err() != nil
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			if topic, err := strconv.Atoi(n.Payload); err == nil {
				w.Wake(topic)
			}
		case !woken || conn.IsClosed():
			return err
		}
	}
}

// patience is how long to wait for notifications before flags have to be looked at again.
func (w *Waker) patience() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.topics {
		if s.own && s.count == 0 {
			return flagHold
		}
	}
	return time.Minute
}

// flags raises the flag of each topic that has sleepers, and lowers that of each that has had none for a while. A flag
// that another process holds is as good; one that a producer is testing at the moment is tried again. Whoever lowers a
// flag notifies once, so that other processes that relied on it look again.
func (w *Waker) flags(ctx context.Context, conn *pgx.Conn) error {
	var raise, lower []int
	w.mu.Lock()
	for n, s := range w.topics {
		if s.count > 0 && !s.raised {
			raise = append(raise, n)
		} else if s.count == 0 && s.own && time.Since(s.busy) > flagHold {
			lower = append(lower, n)
		}
	}
	w.mu.Unlock()
	for _, n := range raise {
		var own, other bool
		err := conn.QueryRow(ctx, "select pg_catalog.pg_try_advisory_lock($1, $2)", flagClass, n).Scan(&own)
		if err == nil && !own {
			err = conn.QueryRow(ctx, `select exists (select from pg_catalog.pg_locks where locktype = 'advisory' and mode = 'ExclusiveLock'
				and classid = $1::int::oid and objid = $2::int::oid and objsubid = 2 and granted
				and database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()))`,
				flagClass, n).Scan(&other)
		}
		if err != nil {
			return err
		}
		w.mu.Lock()
		s := w.topics[n]
		s.own, s.raised = own, own || other
		s.tried++
		w.mu.Unlock()
	}
	for _, n := range lower {
		w.mu.Lock()
		w.topics[n].raised, w.topics[n].own = false, false
		w.mu.Unlock()
		_, err := conn.Exec(ctx, "select pg_catalog.pg_advisory_unlock($1, $2), pg_catalog.pg_notify('howdah', $3)", flagClass, n, strconv.Itoa(n))
		if err != nil {
			return err
		}
		w.Wake(n)
	}
	return nil
}
