# The chores of this workspace. `make` alone lists them.

# Tools that scripts/setup.sh built live here, beside the user's own. The shell expands it, as it must:
# HOME may be unset where XDG_CACHE_HOME is set.
SHELL := /bin/bash
TOOLS := $(shell echo "$${XDG_CACHE_HOME:-$$HOME/.cache}/lightship-dev")
export PATH := $(TOOLS)/bin:$(PATH):/usr/sbin:/sbin

# Where cargo puts what it builds; .ci/run sets it to a folder that outlives a clone.
TARGET := $(or $(CARGO_TARGET_DIR),target)
LIGHTSHIP := $(TARGET)/release/lightship

# How long `make fuzz` spends on each target, in seconds.
FUZZ_SECONDS ?= 20

# Formatting before tests, tests before licences: the first complaint is the cheapest one.
.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help setup build test fmt clippy shell unit doc tidy deny demo bench fuzz

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

setup: ## install what is missing on Debian or Ubuntu (nothing, in a moment, when all is there)
	@scripts/setup.sh

build: ## the release binary
	cargo build --release --package lightship-cli

test: setup fmt clippy shell unit doc tidy deny ## everything that must hold: format, lints, tests, tidy, licences

fmt: ## is everything formatted?
	cargo fmt --all --check

clippy: ## lints, as errors
	cargo clippy --workspace --all-targets -- -D warnings

shell: ## shellcheck over every script
	git ls-files --cached --others --exclude-standard '*.sh' .ci/run | xargs shellcheck

unit: ## unit and integration tests
	cargo nextest run --workspace

doc: ## examples in documentation
	cargo test --workspace --doc

tidy: ## the house rules: layers, files, dependencies, links
	@# As `cargo xtask tidy`, but with the features of the whole workspace, so that nothing is built twice.
	cargo run --quiet --bin xtask -- tidy

deny: ## licences, sources, duplicates; advisories where their database can be had
	scripts/deny.sh

demo: setup build ## the main job on real input
	scripts/demo.sh $(LIGHTSHIP)

bench: setup build ## comparisons with other tools: ratios, not promises
	@for script in bench/*.sh; do \
	  [ ! -x "$$script" ] || { echo "== $$script" && "$$script" $(LIGHTSHIP); } || exit 1; \
	done

fuzz: ## each fuzz target for FUZZ_SECONDS (20) seconds, on top of what earlier runs found
	@scripts/setup.sh --fuzz
	scripts/fuzz.sh $(FUZZ_SECONDS)
