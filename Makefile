# What people run while they work on esm. `make` alone lists it.

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME ?= 10s

.PHONY: help build test check format vet static race fuzz mutants soak bench cross schema

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

build: ## build ./esm
	go build -o esm ./cmd/esm

test: ## every test, on real services too as far as the machine can run them (what CI runs)
	./test

check: format vet static race fuzz ## what should pass before a commit: format, vet, static analysis, race tests, short fuzzing, imports

format: ## fail if a file is not formatted
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "gofmt -w $$unformatted"; exit 1; }

vet: ## go vet, for every platform that is supported
	go vet ./...
	GOOS=darwin go vet ./...

static: ## static analysis
	go run $(STATICCHECK) ./...

race: ## the tests that need nothing but Go, Python and Node, under the race detector (the import test is among them)
	go test -race ./...

fuzz: ## every fuzz target for FUZZTIME
	@for package in $$(go list ./...); do \
	  targets=$$(go test -list '^Fuzz' $$package) || { echo "$$targets"; exit 1; }; \
	  for target in $$(echo "$$targets" | grep '^Fuzz'); do \
	    echo "$$package $$target"; \
	    go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$package >/tmp/esm-fuzz.$$$$ 2>&1 || { cat /tmp/esm-fuzz.$$$$; exit 1; }; \
	  done; \
	done; rm -f /tmp/esm-fuzz.$$$$

mutants: ## deliberate defects of the engine, each of which the simulations must find
	go test ./chaos/chaostest -run '^TestMutants$$' -chaos.mutants

soak: ## simulations with ever new seeds, until one breaks an invariant or you interrupt it
	@seed=$$(date +%s)000; while go test ./chaos/chaostest -run '^Test(Queue|Stream|Async)$$' -chaos.seed $$seed -chaos.seeds 5000; do \
	  seed=$$((seed + 5000)); echo "all held up to seed $$seed"; \
	done

bench: ## how fast it is, as ratios to bare loops in the same run; on LocalStack, ElasticMQ and Docker too where they can run
	localstack/with.sh sh -ec "\
	  go test -run '^$$' -bench . -benchtime 1x -timeout 30m ./cmd/esm; \
	  go test -run '^$$' -bench . -timeout 30m ./api ./invoker/... ./engine/... ./sources/... ./checkpoint/... ./localstack/..."

cross: ## compile for every platform that is supported
	@for os in linux darwin; do for arch in amd64 arm64; do \
	  echo "$$os/$$arch"; GOOS=$$os GOARCH=$$arch go build -o /dev/null ./cmd/esm || exit 1; \
	done; done

schema: ## write docs/mappings.schema.json from the decoder's tables
	go test ./cmd/esm/configfile -run Schema -update
