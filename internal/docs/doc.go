// Package docs reads and writes collections of documents: it calls the SQL functions, which hold the rules.
package docs
