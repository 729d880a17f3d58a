// Package model trains and applies linear models: logistic regression for a class, ridge regression for an amount. A
// Model is what its JSON says, and nothing else: which features it reads, how it encodes them, its coefficients. Training
// is deterministic: the same table gives the same model on the same machine.
package model
