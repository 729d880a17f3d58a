package payments

import (
	"fmt"
	"slices"

	"github.com/howdah/howdah/lab/sim/draw"
)

// merchant takes payments, at a counter or online only.
type merchant struct {
	index     int
	id        string
	key       draw.Key
	category  int
	online    bool
	x, y      int64
	onboarded int64 // ms, before the epoch
}

// distance2 is the square of the distance to a point, in square metres.
func (m *merchant) distance2(x, y int64) int64 {
	return (m.x-x)*(m.x-x) + (m.y-y)*(m.y-y)
}

// zip is one cell of the grid.
type zip struct {
	id         string
	x, y       int64 // its centre
	population int64
	schools    []int // by kind
}

func (w *World) makeMerchants() {
	cfg := &w.cfg.Merchants
	w.merchants = make([]merchant, cfg.Count)
	var night []int32
	for i := range w.merchants {
		m := &w.merchants[i]
		m.index, m.id, m.key = i, fmt.Sprintf("M%05d", i+1), w.root.For("merchant").With(int64(i+1))
		m.category = m.key.For("category").Rand().IntN(len(cfg.Categories))
		m.online = i < cfg.Online
		m.x, m.y = w.place(m.key.For("place"))
		m.onboarded = -m.key.For("onboarded").Rand().Between(cfg.OnboardedDays[0]*dayMS, cfg.OnboardedDays[1]*dayMS)
		if m.online {
			w.online = append(w.online, int32(i))
		} else {
			w.shops = append(w.shops, int32(i))
		}
		if slices.Contains(w.cfg.Fraud.NightPurchase.Categories, cfg.Categories[m.category].Name) {
			night = append(night, int32(i))
		}
	}
	// Shops are closed at night; they serve only where no online merchant has the category.
	for _, i := range night {
		if w.merchants[i].online {
			w.nightly = append(w.nightly, i)
		}
	}
	if len(w.nightly) == 0 {
		w.nightly = night
	}
}

func (w *World) makeZips() {
	cfg, grid := &w.cfg.Zips, w.cfg.Customers.Grid
	width := w.cfg.Customers.Square / grid
	for i := range grid * grid {
		k := w.root.For("zip").With(i)
		z := zip{id: fmt.Sprintf("Z%02d", i), x: (i%grid)*width + width/2, y: (i/grid)*width + width/2}
		z.population = max(1, draw.Round(k.For("population").Rand().LogNormal(cfg.PopulationMedian, cfg.PopulationSD)))
		for n := range cfg.SchoolKinds {
			expected := min(float64(z.population)/cfg.ResidentsPerSchool, 500)
			z.schools = append(z.schools, k.For("schools").With(int64(n)).Rand().Poisson(expected))
		}
		w.zips = append(w.zips, z)
	}
}

// zipAt is the cell of a point.
func (w *World) zipAt(x, y int64) *zip {
	grid := w.cfg.Customers.Grid
	width := w.cfg.Customers.Square / grid
	return &w.zips[min(y/width, grid-1)*grid+min(x/width, grid-1)]
}
