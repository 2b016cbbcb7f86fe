.DEFAULT_GOAL := help
.PHONY: help test long race lint fuzz bench benchkeys cover engines generate screenshots nested dist release ci

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: ## run the tests on every engine that is here
	go test ./...

long: ## run the long tests as well, in full or at a part of their size: LONG=0.1
	UPSERT_LONG=$(or $(LONG),1) go test -count=1 -timeout 12h ./...
	UPSERT_LONG=$(or $(LONG),1) scripts/each-module go test -count=1 -timeout 12h ./...

race: ## run the short tests with the race detector
	go test -race -short ./...

lint: ## check format and lint rules, in every module
	scripts/lint

fuzz: ## run every fuzz test for 10 seconds, or TIME=1m
	scripts/fuzz $(or $(TIME),10s)

bench: ## measure against peers: bench/RESULTS.md and the plots
	cd bench && GOWORK=off go run .

benchkeys: ## run the other benchmarks, the long ones with ROWS=1000000 keys
	go test -run '^$$' -bench 'Put(All)?$$|^BenchmarkBadRow' -benchtime 1x .
	go test -run '^$$' -bench 'PutSeq$$' -benchtime 1x . # peak memory is the process's
	go test -run '^$$' -bench '^Benchmark(Run|Replay|Filter|HotKey)' -benchtime 1x -timeout 1h ./keys
	UPSERT_BENCH_KEYS=$(or $(ROWS),1000000) go test -run '^$$' -bench '^BenchmarkLong' -benchtime 1x -timeout 6h ./keys

cover: ## write cover.html: which lines the tests reach
	go test -coverpkg=./... -coverprofile=cover.out ./...
	go tool cover -html=cover.out -o cover.html

engines: ## install the servers the tests start (Debian, root), or MORE="--mysql8 --long --browser"
	scripts/engines $(MORE)

generate: ## rewrite the golden files from what the code says now
	cd internal/syntaxtest && GOWORK=off go test . -run Golden -update
	go test ./dialect ./internal/coltype -run Golden -update

screenshots: ## take the pictures of examples/shop in docs/shop, in Chromium (make engines MORE=--browser)
	mkdir -p docs/shop
	cd examples && UPSERT_REQUIRE_CHROMIUM=1 go test ./shop -count=1 -run '^TestScreenshots$$' -screenshots ../../docs/shop

dist: ## write static binaries of the command to dist/: all platforms, or FOR="linux/amd64 windows/amd64"
	scripts/dist $(FOR)

release: ## tag VERSION=v0.x.y of the root, and in a second run of the modules that users import; pushes nothing
	scripts/release $(VERSION)

nested: ## vet and test the modules below this one
	scripts/each-module go vet ./...
	scripts/each-module go test ./...

ci: ## do what the automated check does (Debian, root)
	.ci/run
