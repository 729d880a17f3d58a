// Package fraud is the lab's answer to the scenario payments: how its events are cleaned, and the feature view fraud_v1.
// Everything here is pure; package lab reads and writes the database.
//
// A fact has two times: when it is true (At), and when it became known (Known). A feature of a payment may use a fact only
// if both lie before the payment's own: At < payment.At and fact.Known < payment.Known. That rule is in Facts, once, and
// training, scoring and serving all go through Facts and Compute.
package fraud
