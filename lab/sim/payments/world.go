package payments

import (
	"errors"
	"fmt"
	"slices"
	"sort"

	"github.com/howdah/howdah/lab/sim"
	"github.com/howdah/howdah/lab/sim/draw"
)

// Times inside this package are whole milliseconds since the epoch.
const (
	secondMS = 1000
	minuteMS = 60 * secondMS
	hourMS   = 60 * minuteMS
	dayMS    = 24 * hourMS
)

// The streams.
const (
	streamPayments  = "payments"
	streamLabels    = "labels"
	streamCustomers = "customers"
	streamMerchants = "merchants"
	streamZips      = "zips"
)

// World plays the scenario with one seed. It implements sim.World.
type World struct {
	cfg  Config
	seed uint64
	root draw.Key

	zips      []zip
	merchants []merchant
	shops     []int32     // merchants with a counter
	online    []int32     // merchants without
	nightly   []int32     // where kind C buys
	people    []*customer // by the day they signed up
	byID      map[string]*customer

	segments, hours          *draw.Weights
	nearRanks, onlineRanks   *draw.Weights
	outages, testing, drifts []*Incident
	faults, cohorts, splits  []*Incident

	facts   *memo[facts]
	reports *memo[[]report]
	plans   *memo[*plan]
	bad     *memo[[]int32]
	tiers   *memo[[]tier]
}

var _ sim.World = (*World)(nil)

// New makes the world of a seed. The same scenario and seed always make the same world.
func New(cfg Config, seed uint64) (*World, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("scenario payments: %w", err)
	}
	cfg.Epoch = cfg.Epoch.UTC()
	cfg.Timetable = slices.Clone(cfg.Timetable)
	w := &World{cfg: cfg, seed: seed, root: draw.Root(seed, cfg.Name, cfg.Version)}
	w.outages, w.testing, w.drifts = w.incidents(LabelOutage), w.incidents(CardTestingOn), w.incidents(AmountDrift)
	w.faults, w.cohorts, w.splits = w.incidents(UpstreamFault), w.incidents(Cohort), w.incidents(CategorySplit)

	shares := make([]float64, len(cfg.Customers.Segments))
	for i, s := range cfg.Customers.Segments {
		shares[i] = s.Share
	}
	w.segments = draw.NewWeights(shares)
	shares = make([]float64, len(cfg.Payments.Hours))
	for i, h := range cfg.Payments.Hours {
		shares[i] = h.Share
	}
	w.hours = draw.NewWeights(shares)
	w.nearRanks = draw.Ranks(cfg.Payments.Near, cfg.Payments.NearExponent)
	w.onlineRanks = draw.Ranks(cfg.Merchants.Online, cfg.Payments.OnlineExponent)

	w.makeZips()
	w.makeMerchants()
	w.makePeople()
	if cfg.Fraud.NightPurchase.PerDay > 0 && len(w.nightly) == 0 {
		return nil, errors.New("scenario payments: no merchant has one of fraud.night_purchase.categories; name more of them")
	}

	// Payments are bulky and needed for two days; what is kept for longer is small.
	w.facts = newMemo(8, w.makeFacts)
	w.reports = newMemo(w.lookback()+w.cfg.RiskTiers.WindowDays+64, func(day int) []report { return w.facts.get(day).reports })
	w.plans = newMemo(64, w.makePlan)
	w.bad = newMemo(256+w.cfg.Fraud.BadMerchant.Days, w.makeBadShops)
	w.tiers = newMemo(16, w.makeTiers)
	return w, nil
}

// Info describes the world.
func (w *World) Info() sim.Info {
	return sim.Info{
		Scenario: w.cfg.Name, Version: w.cfg.Version, Seed: w.seed, Epoch: w.cfg.Epoch, Speed: w.cfg.Speed,
		GoLive: sim.DayStart(w.cfg.Epoch, w.cfg.PrehistoryDays), End: sim.DayStart(w.cfg.Epoch, w.cfg.EndDay),
		Streams: []sim.StreamInfo{
			{Name: streamPayments, Key: "customer_id", Dirty: true},
			{Name: streamLabels, Key: "transaction_id"},
			{Name: streamCustomers, Key: "customer_id", Reference: true},
			{Name: streamMerchants, Key: "merchant_id", Reference: true},
			{Name: streamZips, Key: "zip", Reference: true},
		},
		Timeline: w.timeline(),
	}
}

// Config is the scenario that the world plays.
func (w *World) Config() Config { return w.cfg }

// Day returns what arrives on a day, in order of arrival.
func (w *World) Day(day int) ([]sim.Event, error) {
	list, err := w.deliveries(day)
	if err != nil {
		return nil, err
	}
	events := make([]sim.Event, len(list))
	var arena []byte
	for i := range list {
		events[i], arena = w.event(&list[i], arena)
	}
	return events, nil
}

// Oracle returns the truth about the events of Day, in the same order.
func (w *World) Oracle(day int) ([]sim.Truth, error) {
	list, err := w.deliveries(day)
	if err != nil {
		return nil, err
	}
	truths := make([]sim.Truth, len(list))
	for i := range list {
		truths[i] = w.truth(&list[i])
	}
	return truths, nil
}

// CustomerDay returns the payments of one customer that begin on one day, without making anybody else's, by arrival.
// A fraud belongs to the day of the payment it follows, and an event may arrive on the next day.
func (w *World) CustomerDay(id string, day int) ([]sim.Event, error) {
	c, ok := w.byID[id]
	if !ok {
		return nil, fmt.Errorf("customer %q: there is none; ids look like %s", id, w.people[0].id)
	}
	if day < 0 {
		return nil, errNegativeDay(day)
	}
	payments := w.customerDay(nil, c, day, w.plans.get(day))
	var list []delivery
	for i := range payments {
		list = w.deliver(list, &payments[i])
	}
	sortDeliveries(list)
	events := make([]sim.Event, len(list))
	for i := range list {
		events[i], _ = w.event(&list[i], nil)
	}
	return events, nil
}

// CustomerIDs returns the customers who signed up before the end of a day.
func (w *World) CustomerIDs(day int) []string {
	people := w.population(day + 1)
	ids := make([]string, len(people))
	for i, c := range people {
		ids[i] = c.id
	}
	return ids
}

// population returns the customers who signed up before a day began; the first ones for a day before the epoch.
func (w *World) population(day int) []*customer {
	day = max(day, 0)
	n := sort.Search(len(w.people), func(i int) bool { return w.people[i].signupDay >= day })
	return w.people[:n]
}

func errNegativeDay(day int) error {
	return fmt.Errorf("day %d: days count from 0, the epoch", day)
}
