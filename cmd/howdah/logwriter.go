package main

import (
	"bytes"
	"io"
	"sync"
)

// logWriter is where a log goes, which may change while it is written. It remembers the last line.
type logWriter struct {
	mu   sync.Mutex
	w    io.Writer // nil: nowhere
	last string
}

func (l *logWriter) set(w io.Writer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.w = w
}

func (l *logWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = string(bytes.TrimSpace(b))
	if l.w == nil {
		return len(b), nil
	}
	return l.w.Write(b)
}

func (l *logWriter) lastLine() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}
