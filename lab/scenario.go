package lab

import (
	"encoding/json"
	"time"

	"github.com/howdah/howdah/lab/feature"
	"github.com/howdah/howdah/lab/model"
	"github.com/howdah/howdah/lab/sim"
)

// Scenario is a business that the lab can play. Package fraud has one.
type Scenario interface {
	World() sim.World
	Shape() Shape
	View() feature.View
	// Clean reads and checks an event of the fact stream. A Rejection sets it aside. It accepts its own Fact.Doc.
	Clean(payload []byte, known time.Time) (Cleaned, error)
	// Label reads an event of the label stream.
	Label(payload []byte, known time.Time) (Label, error)
	// Profile reads an event of a reference stream.
	Profile(stream string, payload []byte, known time.Time) (Profile, error)
	// NewIndex makes an empty index of facts, from which features are computed.
	NewIndex() Index
	// Request reads a prediction's instance; what it leaves out is filled as of now.
	Request(instance []byte, now time.Time) (Fact, error)
	// Policy says what is trained, when, and what a model must reach.
	Policy() Policy
}

// Shape names a scenario's streams and columns.
type Shape struct {
	Name        string
	Facts       string            // the stream of facts
	Labels      string            // the stream of labels; empty: the target is part of the fact
	References  []string          // the streams of reference data, each a collection
	Keyed       []string          // references whose keys are a fact's
	Linked      map[string]string // references whose keys stand in this field of those profiles; the others are small, and loaded whole
	Before      []string          // references that have to be there before a fact can be checked
	Model       string            // the registered model's name
	Window      time.Duration
	Target      Target
	Ranged      []string // numeric features whose values should stay within those of the training
	FactColumns []string // keys of a fact's doc, for people
	Rename      string   // field of a fact's payload that the fault "rename" gives another name
	Scale       string   // whole number in it of which the fault "scale" cuts the last two digits
}

// Target is what a model predicts.
type Target string

// The targets.
const (
	Class  Target = "class"  // 0 or 1; without a label 0
	Amount Target = "amount" // any number; without a label unknown
)

// Fact is an event that has passed the cleaning.
type Fact struct {
	ID         string
	Key1, Key2 string // the entities that histories are kept of
	At, Known  time.Time
	Doc        json.RawMessage
	Value      any // the scenario's own form of Doc, where it has been read
}

// Cleaned is what became of an event.
type Cleaned struct {
	Fact      Fact
	Converted bool
	Refs      []Ref  // that must be known before the fact
	Label     *Label // where the shape has no stream of labels: what the fact itself says
}

// Ref is a key in a collection, and the rule that is broken where it is not there.
type Ref struct{ Collection, Key, Rule string }

// Rejection says why an event is set aside.
type Rejection interface {
	error
	RejectedBy() (rule, detail string)
}

// Label says something about a fact: 0 or 1, or an amount. A later one supersedes it.
type Label struct {
	ID, Fact, Source, Supersedes string
	Value                        float64
	At, Known                    time.Time
}

// Profile is a version of reference data.
type Profile struct {
	Key              string
	ValidFrom, Known time.Time
	Doc              json.RawMessage
}

// Index holds facts, labels and profiles in memory and computes features. Things may be added in any order and, except
// hits, more than once; Compute uses only what the fact could know.
type Index interface {
	AddFact(f *Fact) error
	// AddHit counts a fact at a second key that is not added itself.
	AddHit(key2 string, at, known time.Time)
	AddLabel(l *Label)
	// AddLabelOf adds a label of a fact that is not added itself: only its Key2 and Known are there.
	AddLabelOf(l *Label, f *Fact)
	AddProfile(collection string, p *Profile) error
	Compute(f *Fact) (feature.Row, error)
	// Forget drops facts before t, which no window reaches any more.
	Forget(t time.Time)
}

// Policy says what is trained, when, and what a model must reach.
type Policy struct {
	Specs     []model.Spec  // the first ones are trained once for comparison, the last one is the model that lives
	TrainDays int           // length of the training window in days …
	TestDays  int           // … of which the last ones are the test
	Horizon   time.Duration // labels are taken as final after it
	AlertsDay int           // so many alerts a day: the threshold
	Every     time.Duration // retrain on schedule
	CoolDown  time.Duration
	Trials    int // versions in shadow at a time

	Gate    Gate
	Promote Promotion
	Retrain Triggers
	Machine Machine
}

// Machine is what the machine must reach, in system time, or an alert says so.
type Machine struct {
	Lag     time.Duration // of a consumer
	Latency time.Duration // p99 of the answers to clients
}

// Gate is what a version must reach to be a challenger.
type Gate struct {
	MinAUC       float64
	MinPositives int
	MaxNullRate  float64
	MaxScorePSI  float64
	MaxP99       time.Duration
}

// Promotion is what a challenger must reach to become champion.
type Promotion struct {
	Shadow       time.Duration
	MinPositives int // of a class; of amounts, how many
	Samples      int
	MinPBetter   float64
	MaxAPLoss    float64
	MaxVolume    float64 // the alert volume may differ by this share
	GiveUp       time.Duration
}

// Triggers are what makes the lab retrain before its time.
type Triggers struct {
	AUCLoss      float64 // of a class
	ErrorRise    float64 // of an amount: by what share the mean error has grown
	PSI          float64
	PSIShare     float64
	NewPositives int
}
