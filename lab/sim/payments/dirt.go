package payments

// The kinds of dirt, as the oracle names them. Those after dirtNoZone are errors that name their quarantine rule.
const (
	dirtAmountText      = "amount_text"
	dirtChannelMissing  = "channel_missing"
	dirtLocalOffset     = "local_offset"
	dirtExtraField      = "extra_field"
	dirtNoZone          = "local_no_zone"
	dirtUnknownMerchant = "unknown_merchant"
	dirtNegativeAmount  = "negative_amount"
	dirtUnparsable      = "unparsable"
	dirtOutOfOrder      = "out_of_order"
	dirtDuplicate       = "duplicate"
)

// quarantineRules names the rule that has to set a payment with this dirt aside.
var quarantineRules = map[string]string{
	dirtNoZone:          "missing_zone",
	dirtUnknownMerchant: "unknown_merchant",
	dirtNegativeAmount:  "negative_amount",
	dirtUnparsable:      "unparsable",
}

type dirtRate struct {
	name string
	rate float64
}

// rates lists the dirt of which a payment gets one at most, in the order in which the draw is compared.
func (d *Dirt) rates() [8]dirtRate {
	return [8]dirtRate{
		{dirtAmountText, d.AmountText}, {dirtChannelMissing, d.ChannelMissing}, {dirtLocalOffset, d.LocalOffset},
		{dirtNoZone, d.LocalNoZone}, {dirtUnknownMerchant, d.UnknownMerchant}, {dirtNegativeAmount, d.NegativeAmount},
		{dirtUnparsable, d.Unparsable}, {dirtExtraField, d.ExtraField},
	}
}

// dirtOf is the dirt of a payment, empty for most.
func (w *World) dirtOf(p *payment) string {
	u := p.key.For("dirt").Rand().Float()
	for _, d := range w.cfg.Dirt.rates() {
		if u < d.rate {
			return d.name
		}
		u -= d.rate
	}
	return ""
}
