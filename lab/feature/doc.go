// Package feature holds what models, datasets and serving share about features: a View names its columns, a Row holds
// their values, a Table holds many rows. It knows no scenario; package fraud has the view fraud_v1.
package feature
