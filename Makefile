# Needs Go. The tests start a PostgreSQL of their own: found on the machine, or fetched.

GO          ?= go
PACKAGES    ?= ./...
TIMEOUT     ?= 12m
FUZZTIME    ?= 10s
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: build test race fuzz fmt lint bench

build:
	$(GO) build -o bin/howdah ./cmd/howdah

test:
	$(GO) test -timeout $(TIMEOUT) $(PACKAGES)

race:
	$(GO) test -race -timeout $(TIMEOUT) $(PACKAGES)

# Every fuzz target of every package, for FUZZTIME each.
fuzz:
	@set -e; for package in $$($(GO) list $(PACKAGES)); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$package; \
		done; \
	done

fmt:
	gofmt -w .

# House rules (internal/house) are tests of their own.
lint:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt -w these:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet $(PACKAGES)
	$(GO) run $(STATICCHECK) $(PACKAGES)
	$(GO) test -count=1 ./internal/house

# What the numbers mean is in bench/.
bench: build
	./bin/howdah bench
