package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/howdah/howdah"
)

type collectionsView struct {
	Base
	Collections []howdah.CollectionInfo
	Twins       []Twin
}

func (c *Console) collections(r *http.Request) (view, error) {
	v := &collectionsView{Base: c.base(r, "Documents")}
	v.Section = "documents"
	v.Twins = []Twin{{"command line", "howdah docs ls"}, {"HTTP", c.get(r, "/v1/collections")}, {"SQL", "select * from howdah.collections;"}}
	var err error
	v.Collections, err = cached(&c.cache, "collections", func() ([]howdah.CollectionInfo, error) { return c.DB.Collections(r.Context()) })
	return v, err
}

type collectionView struct {
	Base
	Info      howdah.CollectionInfo
	Prefix    string
	Contains  string
	Documents []howdah.Document
	Next      string
	Problem   *pageError
	Asked     bool
	Twins     []Twin
}

const (
	documentsPage = 50
	unindexed     = 50_000          // so many documents are searched without an index
	searchTime    = 3 * time.Second // and for so long
)

func (c *Console) collection(r *http.Request) (view, error) {
	name, q := r.PathValue("collection"), r.URL.Query()
	v := &collectionView{Base: c.base(r, name), Prefix: q.Get("prefix"), Contains: strings.TrimSpace(q.Get("contains"))}
	v.Section = "documents"
	k := c.DB.Collection(name)
	var err error
	if v.Info, err = k.Info(r.Context()); err != nil {
		return nil, err
	}
	v.Asked = v.Prefix != "" || v.Contains != ""
	switch {
	case v.Contains == "":
		v.Documents, err = k.ScanPage(r.Context(), v.Prefix, q.Get("after"), documentsPage)
	case !json.Valid([]byte(v.Contains)):
		err = &pageError{http.StatusBadRequest, fmt.Sprintf("%q is not JSON.", v.Contains), `Write it like {"city": "Milwaukee"}.`}
	case !v.Info.Indexed && v.Info.Documents > unindexed:
		err = &pageError{http.StatusBadRequest, "Without an index this search would read all " + number(v.Info.Documents) + " documents.",
			fmt.Sprintf("An owner makes one: select howdah.index_collection(%s);", literal(name))}
	default:
		ctx, cancel := context.WithTimeout(r.Context(), searchTime)
		v.Documents, err = k.FindPage(ctx, json.RawMessage(v.Contains), q.Get("after"), documentsPage)
		cancel()
		if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = &pageError{http.StatusServiceUnavailable, "The search took too long.", fmt.Sprintf("An index helps: select howdah.index_collection(%s);", literal(name))}
		}
	}
	if err != nil {
		v.Problem = c.explain(err)
	}
	if len(v.Documents) == documentsPage {
		q.Set("after", v.Documents[documentsPage-1].Key)
		v.Next = "?" + q.Encode()
	}
	contains := v.Contains
	if !json.Valid([]byte(contains)) {
		contains = ""
	}
	v.Twins = c.collectionTwins(r, name, v.Prefix, contains)
	return v, nil
}

// Step is a version of a document on its timeline, with what it changed.
type Step struct {
	howdah.Document
	Number  int // counts from the first
	Changes []Difference
	Deleted bool
	Again   bool // says the newest again, after one that became known late
	Late    bool // became known after one that is true from later on
	A, B    bool // the ends of the comparison
}

type documentView struct {
	Base
	Collection string
	Key        string
	Steps      []Step // the newest first
	AsOf       string
	ValidAt    string
	Seen       *howdah.Document // what the chosen times show
	Missing    string           // why they show nothing
	Problem    *pageError
	Was, Now   *Step
	Compared   []Difference
	More       int       // older versions that are not shown
	Picked     [2]string // the chosen times, as a date picker takes them
	When       string    // the chosen times, for the heading
	Twins      []Twin
}

// stepsShown is how many versions of a document the timeline shows.
const stepsShown = 100

func (c *Console) document(r *http.Request) (view, error) {
	q := r.URL.Query()
	v := &documentView{Base: c.base(r, q.Get("key")), Collection: r.PathValue("collection"), Key: q.Get("key"), AsOf: q.Get("as_of"), ValidAt: q.Get("valid_at")}
	v.Section = "documents"
	k := c.DB.Collection(v.Collection)
	history, err := k.History(r.Context(), v.Key)
	if err != nil {
		return nil, err
	}
	if len(history) == 0 {
		return nil, &pageError{http.StatusNotFound, fmt.Sprintf("Collection %s has no document %q, and never had one.", v.Collection, v.Key), ""}
	}
	v.steps(history)
	if err := v.see(r.Context(), k); err != nil {
		v.Problem = c.explain(err)
	}
	v.compare(q.Get("a"), q.Get("b"))
	v.Twins = c.documentTwins(r, v)
	v.Picked = [2]string{picked(v.AsOf), picked(v.ValidAt)}
	for i, words := range []string{"As of ", "True at "} {
		if at := v.Picked[i]; at != "" {
			v.When = strings.TrimPrefix(v.When+", "+words+strings.Replace(at, "T", " ", 1), ", ")
		}
	}
	return v, nil
}

// steps makes the timeline of a history whose newest comes first.
func (v *documentView) steps(history []howdah.Document) {
	for i := len(history) - 1; i >= 0; i-- {
		s := Step{Document: history[i], Number: len(history) - i, Deleted: history[i].Doc == nil}
		var before json.RawMessage
		if i+1 < len(history) {
			before = history[i+1].Doc
			s.Late = history[i].ValidFrom.Before(history[i+1].ValidFrom)
			s.Again = history[i].Version == history[i+1].Version
			for j := i + 2; j < len(history) && !s.Again; j++ {
				s.Again = history[j].Version == history[i].Version
			}
		}
		s.Changes = differences(before, history[i].Doc)
		v.Steps = append(v.Steps, s)
	}
	slices.Reverse(v.Steps)
	if len(v.Steps) > stepsShown {
		v.More = len(v.Steps) - stepsShown
		v.Steps = v.Steps[:stepsShown]
	}
}

// see reads the document as it was at the chosen times.
func (v *documentView) see(ctx context.Context, k *howdah.Collection) error {
	var options []howdah.GetOption
	for _, o := range []struct {
		text string
		make func(time.Time) howdah.GetOption
	}{{v.AsOf, howdah.AsOf}, {v.ValidAt, howdah.ValidAt}} {
		t, err := parseTime(o.text)
		if err != nil {
			return err
		}
		if !t.IsZero() {
			options = append(options, o.make(t))
		}
	}
	d, err := k.Get(ctx, v.Key, options...)
	switch {
	case errors.Is(err, howdah.ErrNotFound):
		v.Missing = "There is no such document now: it was deleted, or has expired."
		if len(options) > 0 {
			v.Missing = "At that time nothing was there."
		}
		return nil
	case err != nil:
		return err
	}
	v.Seen = &d
	return nil
}

// compare takes two versions by their numbers; without them the last change.
func (v *documentView) compare(a, b string) {
	newest := v.Steps[0].Number
	from, errA := strconv.Atoi(a)
	to, errB := strconv.Atoi(b)
	if errA != nil || errB != nil {
		from, to = newest-1, newest
	}
	if from > to {
		from, to = to, from
	}
	for i := range v.Steps {
		s := &v.Steps[i]
		if s.Number == from {
			s.A, v.Was = true, s
		}
		if s.Number == to {
			s.B, v.Now = true, s
		}
	}
	if v.Was != nil && v.Now != nil {
		v.Compared = differences(v.Was.Doc, v.Now.Doc)
	}
}

// picked writes a time for a date picker.
func picked(text string) string {
	t, err := parseTime(text)
	if err != nil || t.IsZero() {
		return ""
	}
	return t.Format("2006-01-02T15:04:05")
}

// documentURL is where a document is shown.
func documentURL(collection, key string) string {
	return "/documents/" + url.PathEscape(collection) + "/document?key=" + url.QueryEscape(key)
}
