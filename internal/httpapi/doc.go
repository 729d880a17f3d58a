// Package httpapi serves the log as JSON over HTTP: publish, claim, settle, operate, follow, and measure. It knows no
// SQL: everything goes through the public Go API. The OpenAPI description at /openapi.json is made from the types that
// decode requests and encode answers.
package httpapi
