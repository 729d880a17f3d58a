package fraud

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// The rules under whose names payments are set aside.
const (
	Unparsable      = "unparsable"       // the payload is not JSON
	MissingField    = "missing_field"    // an id, the amount or the time is missing
	BadAmount       = "bad_amount"       // the amount is neither whole cents nor a text in euro
	NegativeAmount  = "negative_amount"  // the amount is below 0
	BadTime         = "bad_time"         // the time cannot be read
	MissingZone     = "missing_zone"     // the time is local and nobody knows where
	BadCurrency     = "bad_currency"     // not EUR
	UnknownMerchant = "unknown_merchant" // no profile of the merchant has arrived
)

// Rejection says why a payment was set aside.
type Rejection struct {
	Rule   string
	Detail string
}

func (r *Rejection) Error() string { return r.Rule + ": " + r.Detail }

func reject(rule, detail string, args ...any) error {
	return &Rejection{rule, fmt.Sprintf(detail, args...)}
}

// wirePayment is the payload of payment.authorized. Fields that it does not name are ignored.
type wirePayment struct {
	TransactionID string          `json:"transaction_id"`
	CustomerID    string          `json:"customer_id"`
	MerchantID    string          `json:"merchant_id"`
	AmountCents   json.RawMessage `json:"amount_cents"`
	Currency      string          `json:"currency"`
	Channel       string          `json:"channel"`
	OccurredAt    string          `json:"occurred_at"`
}

// ParsePayment reads and checks the payload of a payment that became known at an instant. It converts what can be
// converted without doubt: a time with an offset, an amount in euro as a text. converted says that it did. An error is a
// *Rejection. Whether the merchant is known is the caller's to ask.
func ParsePayment(payload []byte, known MS) (p Payment, converted bool, err error) {
	var w wirePayment
	if err := json.Unmarshal(payload, &w); err != nil {
		return p, false, reject(Unparsable, "%v", err)
	}
	for name, value := range map[string]string{"transaction_id": w.TransactionID, "customer_id": w.CustomerID,
		"merchant_id": w.MerchantID, "amount_cents": string(w.AmountCents), "occurred_at": w.OccurredAt} {
		if value == "" || value == "null" {
			return p, false, reject(MissingField, "%s is missing", name)
		}
	}
	if w.Currency != "" && w.Currency != "EUR" {
		return p, false, reject(BadCurrency, "currency is %q; only EUR is known", w.Currency)
	}
	p = Payment{ID: w.TransactionID, Customer: w.CustomerID, Merchant: w.MerchantID, Known: known}
	switch w.Channel {
	case "pos", "contactless", "online":
		p.Channel = w.Channel
	}
	var text bool
	if p.Cents, text, err = cents(w.AmountCents); err != nil {
		return p, false, err
	}
	if p.Cents < 0 {
		return p, false, reject(NegativeAmount, "amount_cents is %d", p.Cents)
	}
	at, err := instant(w.OccurredAt)
	if err != nil {
		return p, false, err
	}
	p.At = ToMS(at)
	return p, text || !strings.HasSuffix(w.OccurredAt, "Z"), nil
}

// cents reads whole cents as a number, or euro as people write them: "€12.30", "12.30 EUR", "EUR 12.30".
func cents(raw json.RawMessage) (n int64, text bool, err error) {
	if raw[0] != '"' {
		n, err := strconv.ParseInt(string(raw), 10, 64)
		if err != nil {
			return 0, false, reject(BadAmount, "amount_cents is %s, not whole cents", bytes.TrimSpace(raw))
		}
		return n, false, nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return 0, false, reject(BadAmount, "amount_cents is %s", raw)
	}
	number := strings.TrimSpace(strings.NewReplacer("€", "", "EUR", "").Replace(s))
	whole, part, ok := strings.Cut(number, ".")
	euro, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || !ok || len(part) != 2 || euro > math.MaxInt64/100-1 || euro < 0 || whole[0] == '+' {
		return 0, true, reject(BadAmount, "amount_cents is %q, not like €12.30", s)
	}
	rest, err := strconv.ParseUint(part, 10, 8)
	if err != nil {
		return 0, true, reject(BadAmount, "amount_cents is %q, not like €12.30", s)
	}
	return euro*100 + int64(rest), true, nil
}

// instant reads RFC 3339. A time without a zone has a rule of its own.
func instant(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err == nil {
		return t, nil
	}
	if _, err := time.Parse("2006-01-02T15:04:05.999999999", s); err == nil {
		return t, reject(MissingZone, "occurred_at is %s; add Z or an offset such as -06:00", s)
	}
	return t, reject(BadTime, "occurred_at is %q", s)
}

type wireLabel struct {
	LabelID       string    `json:"label_id"`
	TransactionID string    `json:"transaction_id"`
	IsFraud       *bool     `json:"is_fraud"`
	Source        string    `json:"source"`
	ReportedAt    time.Time `json:"reported_at"`
	Supersedes    string    `json:"supersedes"`
}

// LabelEvent is a label as it came.
type LabelEvent struct {
	Label
	ID, Source, Supersedes string
}

// ParseLabel reads label.reported and label.corrected.
func ParseLabel(payload []byte, known MS) (LabelEvent, error) {
	var w wireLabel
	if err := json.Unmarshal(payload, &w); err != nil {
		return LabelEvent{}, fmt.Errorf("label: %w", err)
	}
	if w.LabelID == "" || w.TransactionID == "" || w.IsFraud == nil || w.ReportedAt.IsZero() {
		return LabelEvent{}, fmt.Errorf("label %q: label_id, transaction_id, is_fraud and reported_at are needed", w.LabelID)
	}
	return LabelEvent{Label{Payment: w.TransactionID, Fraud: *w.IsFraud, At: ToMS(w.ReportedAt), Known: known}, w.LabelID, w.Source, w.Supersedes}, nil
}

// Profile is a change of reference data as it came.
type Profile struct {
	Key       string
	ValidFrom MS
	Doc       json.RawMessage
}

// ParseProfile reads profile.upserted; idName is customer_id, merchant_id or zip.
func ParseProfile(payload []byte, idName string) (Profile, error) {
	var w struct {
		ValidFrom time.Time       `json:"valid_from"`
		Profile   json.RawMessage `json:"profile"`
	}
	var id map[string]json.RawMessage
	if err := json.Unmarshal(payload, &w); err != nil {
		return Profile{}, fmt.Errorf("profile: %w", err)
	}
	if err := json.Unmarshal(payload, &id); err != nil {
		return Profile{}, fmt.Errorf("profile: %w", err)
	}
	p := Profile{ValidFrom: ToMS(w.ValidFrom), Doc: w.Profile}
	if err := json.Unmarshal(id[idName], &p.Key); err != nil || p.Key == "" || w.ValidFrom.IsZero() || len(w.Profile) == 0 {
		return p, fmt.Errorf("profile: %s, valid_from and profile are needed", idName)
	}
	return p, nil
}

// AddProfile adds a version of a profile, from the collection that holds it.
func (f *Facts) AddProfile(collection, key string, validFrom, known MS, doc []byte) error {
	var d struct {
		Segment    string    `json:"segment"`
		Zip        string    `json:"zip"`
		SignedUpAt time.Time `json:"signed_up_at"`
		Category   string    `json:"category"`
		Online     bool      `json:"online"`
		X          int64     `json:"x_m"`
		Y          int64     `json:"y_m"`
		Onboarded  time.Time `json:"onboarded_at"`
		RiskTier   string    `json:"risk_tier"`
	}
	if err := json.Unmarshal(doc, &d); err != nil {
		return fmt.Errorf("%s %s: %w", collection, key, err)
	}
	switch collection {
	case "customers":
		f.AddCustomer(Customer{ID: key, Segment: d.Segment, Zip: d.Zip, SignedUp: ToMS(d.SignedUpAt), ValidFrom: validFrom, Known: known})
	case "merchants":
		f.AddMerchant(Merchant{ID: key, Category: d.Category, Online: d.Online, X: d.X, Y: d.Y, Onboarded: ToMS(d.Onboarded),
			RiskTier: d.RiskTier, ValidFrom: validFrom, Known: known})
	case "zips":
		f.AddZip(Zip{ID: key, X: d.X, Y: d.Y, Known: known})
	}
	return nil
}
