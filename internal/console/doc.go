// Package console is the page: what flows, what is stuck and why, and buttons that set it right. It renders on the server,
// works without JavaScript, and sends what changes as server-sent events. It knows the database through the root package
// only, and looks at it through one sampler, however many pages are open.
package console
