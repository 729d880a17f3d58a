// Package payments is the scenario `payments`: customers pay merchants by card, a few payments are fraudulent, and the
// frauds become known days later. scenario.toml says everything about it in numbers; this package says how.
//
// What is made of what, for one day d:
//
//	plan(d)      which cards are stolen, which shops are bad, who is hit at night   <- draws of the days before
//	facts(d)     every payment that begins on d, customer by customer, and when it will be reported
//	reports      label and correction of each payment, from the facts of the days before
//	tiers(d)     risk tiers of the merchants, from the reports of the weeks before
//	Day(d)       what arrives on d: payments of d-1 and d, labels, profile changes, with dirt and faults
//
// Each line is a pure function of the seed and the day, kept for a while where it is needed again. Draws belong to one
// entity and one purpose (package draw), so the payments of one customer on one day can be made alone (CustomerDay).
package payments
