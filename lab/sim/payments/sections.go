package payments

// Customers is the section [customers].
type Customers struct {
	Count           int       `toml:"count"`
	Square          int64     `toml:"square"`
	Grid            int64     `toml:"grid"`
	AmountSD        float64   `toml:"amount_sd"`
	RateShape       int       `toml:"rate_shape"`
	RateMean        float64   `toml:"rate_mean"`
	SignedUpDays    [2]int64  `toml:"signed_up_days"`
	MoveProbability float64   `toml:"move_probability"`
	LateShare       float64   `toml:"late_share"`
	LateHours       float64   `toml:"late_hours"`
	Segments        []Segment `toml:"segments"`
}

// Segment is one kind of customer.
type Segment struct {
	Name   string  `toml:"name"`
	Share  float64 `toml:"share"`
	Median int64   `toml:"median"` // cents
}

// Newcomers is the section [newcomers].
type Newcomers struct {
	FromDay  int `toml:"from_day"`
	UntilDay int `toml:"until_day"`
	PerDay   int `toml:"per_day"`
}

// Merchants is the section [merchants].
type Merchants struct {
	Count         int        `toml:"count"`
	Online        int        `toml:"online"`
	OnboardedDays [2]int64   `toml:"onboarded_days"`
	Categories    []Category `toml:"categories"`
}

// Category is one kind of merchant.
type Category struct {
	Name   string  `toml:"name"`
	Offset float64 `toml:"offset"`
}

// RiskTiers is the section [risk_tiers].
type RiskTiers struct {
	Weekday    string `toml:"weekday"`
	WindowDays int    `toml:"window_days"`
	Medium     int    `toml:"medium"`
	High       int    `toml:"high"`
}

// Zips is the section [zips].
type Zips struct {
	PopulationMedian   float64  `toml:"population_median"`
	PopulationSD       float64  `toml:"population_sd"`
	ResidentsPerSchool float64  `toml:"residents_per_school"`
	SchoolKinds        []string `toml:"school_kinds"`
}

// Payments is the section [payments].
type Payments struct {
	AmountSD         float64    `toml:"amount_sd"`
	Smallest         int64      `toml:"smallest"`
	Near             int        `toml:"near"`
	NearShare        float64    `toml:"near_share"`
	NearExponent     float64    `toml:"near_exponent"`
	OnlineExponent   float64    `toml:"online_exponent"`
	ContactlessShare float64    `toml:"contactless_share"`
	ContactlessLimit int64      `toml:"contactless_limit"`
	Weekdays         [7]float64 `toml:"weekdays"`
	Hours            []Hour     `toml:"hours"`
}

// Hour is one peak of the day.
type Hour struct {
	Mean  float64 `toml:"mean"`
	SD    float64 `toml:"sd"`
	Share float64 `toml:"share"`
}

// Trips is the section [trips].
type Trips struct {
	Probability float64  `toml:"probability"`
	Days        [2]int64 `toml:"days"`
	Far         int64    `toml:"far"`
}

// Gifts is the section [gifts].
type Gifts struct {
	Share  float64 `toml:"share"`
	Factor float64 `toml:"factor"`
}

// Fraud is the section [fraud].
type Fraud struct {
	StolenCard    StolenCard    `toml:"stolen_card"`
	CardTesting   CardTesting   `toml:"card_testing"`
	BadMerchant   BadMerchant   `toml:"bad_merchant"`
	NightPurchase NightPurchase `toml:"night_purchase"`
}

// StolenCard is the section [fraud.stolen_card].
type StolenCard struct {
	PerDay      float64 `toml:"per_day"`
	Days        int     `toml:"days"`
	Spawn       float64 `toml:"spawn"`
	WithinHours float64 `toml:"within_hours"`
	Factor      float64 `toml:"factor"`
	Online      float64 `toml:"online"`
	Unusual     float64 `toml:"unusual"`
}

// CardTesting is the section [fraud.card_testing].
type CardTesting struct {
	Spawn         float64    `toml:"spawn"`
	Payments      [2]int64   `toml:"payments"`
	WithinMinutes float64    `toml:"within_minutes"`
	Factor        [2]float64 `toml:"factor"`
	Online        float64    `toml:"online"`
	Unusual       float64    `toml:"unusual"`
}

// BadMerchant is the section [fraud.bad_merchant].
type BadMerchant struct {
	PerDay    float64    `toml:"per_day"`
	Days      int        `toml:"days"`
	Share     float64    `toml:"share"`
	Expecting [2]float64 `toml:"expecting"`
}

// NightPurchase is the section [fraud.night_purchase].
type NightPurchase struct {
	PerDay     float64    `toml:"per_day"`
	Factor     [2]float64 `toml:"factor"`
	Hours      [2]float64 `toml:"hours"`
	Categories []string   `toml:"categories"`
}

// Labels is the section [labels].
type Labels struct {
	Reported      float64    `toml:"reported"`
	MedianDays    float64    `toml:"median_days"`
	Sigma         float64    `toml:"sigma"`
	ClipHours     [2]float64 `toml:"clip_hours"`
	FalseReports  float64    `toml:"false_reports"`
	CorrectedDays [2]float64 `toml:"corrected_days"`
}

// Investigator is the section [investigator].
type Investigator struct {
	Enabled bool       `toml:"enabled"`
	PerDay  int        `toml:"per_day"`
	Hours   [2]float64 `toml:"hours"`
}

// Arrival is the section [arrival].
type Arrival struct {
	MedianSeconds    float64 `toml:"median_seconds"`
	Sigma            float64 `toml:"sigma"`
	MostSeconds      float64 `toml:"most_seconds"`
	LateShare        float64 `toml:"late_share"`
	LateHours        float64 `toml:"late_hours"`
	DuplicateShare   float64 `toml:"duplicate_share"`
	DuplicateSeconds float64 `toml:"duplicate_seconds"`
}

// Dirt is the section [dirt].
type Dirt struct {
	AmountText      float64 `toml:"amount_text"`
	ChannelMissing  float64 `toml:"channel_missing"`
	LocalOffset     float64 `toml:"local_offset"`
	LocalNoZone     float64 `toml:"local_no_zone"`
	UnknownMerchant float64 `toml:"unknown_merchant"`
	NegativeAmount  float64 `toml:"negative_amount"`
	Unparsable      float64 `toml:"unparsable"`
	ExtraField      float64 `toml:"extra_field"`
}
