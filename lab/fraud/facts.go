package fraud

import (
	"cmp"
	"slices"
	"sort"
	"time"
)

// MS is an instant in milliseconds since 1970, UTC.
type MS int64

// ToMS cuts an instant to milliseconds.
func ToMS(t time.Time) MS { return MS(t.UnixMilli()) }

// Time is the instant.
func (m MS) Time() time.Time { return time.UnixMilli(int64(m)).UTC() }

// Lengths of time.
const (
	Second MS = 1000
	Minute    = 60 * Second
	Hour      = 60 * Minute
	Day       = 24 * Hour
)

// Window is how far back a feature looks at payments and reports.
const Window = 30 * Day

// labelTime is how long after a payment something is said about it.
const labelTime = 90 * Day

// daysCap is the greatest number of days since a report.
const daysCap = 60

// Payment is a payment that has passed the cleaning.
type Payment struct {
	ID       string
	Customer string
	Merchant string
	Cents    int64
	Channel  string // pos, contactless, online; empty where it was missing
	At       MS     // when it was made
	Known    MS     // when it arrived
}

// Label says about a payment whether it is a fraud. A later one about the same payment supersedes it.
type Label struct {
	Payment  string
	Merchant string // of the payment; may be empty where Facts knows the payment
	Fraud    bool
	At       MS // when it was reported
	Known    MS // when it arrived
}

// Customer is a customer's profile, valid from an instant.
type Customer struct {
	ID       string
	Segment  string
	Zip      string
	SignedUp MS
	ValidFrom,
	Known MS
}

// Merchant is a merchant's profile, valid from an instant.
type Merchant struct {
	ID        string
	Category  string
	Online    bool
	X, Y      int64 // metres
	Onboarded MS
	RiskTier  string
	ValidFrom,
	Known MS
}

// Zip is an area.
type Zip struct {
	ID    string
	X, Y  int64 // its centre, in metres
	Known MS
}

// version is a value with its two times.
type version[T any] struct {
	validFrom, known MS
	value            T
}

// versions are all that was ever said about one key.
type versions[T any] []version[T]

// asOf is, among what was known before k, the value with the latest valid time up to t; of two the one known later.
func (vs versions[T]) asOf(t, k MS) (T, bool) {
	var best *version[T]
	for i := range vs {
		v := &vs[i]
		if v.validFrom > t || v.known >= k {
			continue
		}
		if best == nil || v.validFrom > best.validFrom || v.validFrom == best.validFrom && v.known >= best.known {
			best = v
		}
	}
	if best == nil {
		var none T
		return none, false
	}
	return best.value, true
}

type visit struct {
	at, known MS
	merchant  string
	cents     int64
	logAmount float64
}

// hit is a payment at a merchant.
type hit struct{ at, known MS }

// judged is a payment with all its labels.
type judged struct {
	known  MS // of the payment
	labels []Label
}

// Facts is an index over facts, in memory, from which features are computed. Add facts in any order; a feature never
// sees what its payment could not have known. It is not for concurrent use.
type Facts struct {
	byCustomer map[string][]visit // by At
	byMerchant map[string][]hit   // by At
	reports    map[string]map[string]*judged
	merchantOf map[string]paid // payments by id, for labels
	customers  map[string]versions[Customer]
	merchants  map[string]versions[Merchant]
	zips       map[string]Zip
	orphans    map[string][]Label // labels of payments that are not here yet
}

type paid struct {
	merchant  string
	at, known MS
}

// NewFacts is empty.
func NewFacts() *Facts {
	return &Facts{byCustomer: map[string][]visit{}, byMerchant: map[string][]hit{}, reports: map[string]map[string]*judged{},
		merchantOf: map[string]paid{}, customers: map[string]versions[Customer]{}, merchants: map[string]versions[Merchant]{}, zips: map[string]Zip{}, orphans: map[string][]Label{}}
}

// AddPayment adds a payment. The same again changes nothing.
func (f *Facts) AddPayment(p *Payment) {
	if _, known := f.merchantOf[p.ID]; known {
		return
	}
	v := visit{p.At, p.Known, p.Merchant, p.Cents, logAmount(p.Cents)}
	f.byCustomer[p.Customer] = insert(f.byCustomer[p.Customer], v, compareVisits)
	f.AddHit(p.Merchant, p.At, p.Known)
	f.merchantOf[p.ID] = paid{p.Merchant, p.At, p.Known}
	for _, l := range f.orphans[p.ID] {
		f.AddLabel(l)
	}
	delete(f.orphans, p.ID)
}

// AddHit counts a payment at a merchant that is not added itself. The same again counts again.
func (f *Facts) AddHit(merchant string, at, known MS) {
	f.byMerchant[merchant] = insert(f.byMerchant[merchant], hit{at, known}, func(a, b hit) int { return cmp.Compare(a.at, b.at) })
}

// compareVisits orders fully, so that a sum of floats does not depend on the order in which facts were added.
func compareVisits(a, b visit) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.known, b.known), cmp.Compare(a.cents, b.cents))
}

// insert keeps a list sorted; what is new belongs near the end.
func insert[T any](list []T, x T, compare func(a, b T) int) []T {
	i := len(list)
	for i > 0 && compare(list[i-1], x) > 0 {
		i--
	}
	return slices.Insert(list, i, x)
}

// AddLabel adds a label. The same again changes nothing. One about a payment that Facts does not hold waits for it.
func (f *Facts) AddLabel(l Label) {
	p, known := f.merchantOf[l.Payment]
	if !known {
		f.orphans[l.Payment] = append(f.orphans[l.Payment], l)
		return
	}
	f.addLabel(l, p)
}

// AddLabelOf adds a label of a payment that is not added itself, with where that was and when it became known.
func (f *Facts) AddLabelOf(l Label, merchant string, known MS) {
	f.addLabel(l, paid{merchant: merchant, known: known})
}

func (f *Facts) addLabel(l Label, p paid) {
	of := f.reports[p.merchant]
	if of == nil {
		of = map[string]*judged{}
		f.reports[p.merchant] = of
	}
	j := of[l.Payment]
	if j == nil {
		j = &judged{known: p.known}
		of[l.Payment] = j
	}
	l.Merchant = p.merchant
	if !slices.Contains(j.labels, l) {
		j.labels = append(j.labels, l)
	}
}

// AddCustomer adds a version of a profile.
func (f *Facts) AddCustomer(c Customer) {
	f.customers[c.ID] = append(f.customers[c.ID], version[Customer]{c.ValidFrom, c.Known, c})
}

// AddMerchant adds a version of a profile.
func (f *Facts) AddMerchant(m Merchant) {
	f.merchants[m.ID] = append(f.merchants[m.ID], version[Merchant]{m.ValidFrom, m.Known, m})
}

// AddZip adds an area.
func (f *Facts) AddZip(z Zip) { f.zips[z.ID] = z }

// KnowsMerchant says whether a merchant was known before k.
func (f *Facts) KnowsMerchant(id string, k MS) bool {
	for _, v := range f.merchants[id] {
		if v.known < k {
			return true
		}
	}
	return false
}

// Forget drops payments that lie before t, which no window reaches any more. What labels say about them stays, and a
// label that comes later is still understood unless the payment lies labelTime before t.
func (f *Facts) Forget(t MS) {
	for id, p := range f.merchantOf {
		if p.at < t-labelTime {
			delete(f.merchantOf, id)
		}
	}
	for id, list := range f.byCustomer {
		f.byCustomer[id] = drop(list, t, func(v visit) MS { return v.at })
	}
	for id, list := range f.byMerchant {
		f.byMerchant[id] = drop(list, t, func(h hit) MS { return h.at })
	}
}

func drop[T any](list []T, t MS, at func(T) MS) []T {
	i := sort.Search(len(list), func(i int) bool { return at(list[i]) >= t })
	if i == 0 {
		return list
	}
	return slices.Clone(list[i:])
}
