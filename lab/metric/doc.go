// Package metric measures models and data: ranking and probability metrics with their uncertainty, comparisons of two
// models on the same rows, and distances between distributions with the distance that chance alone would show.
//
// Every function is pure; what is random takes a seed. Input that has no answer (no positives, no rows) gives NaN.
package metric
