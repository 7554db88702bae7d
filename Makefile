# The two commands of the README are `make demo` and `make test`; `make check` is the fast part.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:

export CARGO_TERM_COLOR ?= auto
.PHONY: demo test check fmt clippy doctests examples features docs deny setup

demo:
	scripts/setup.sh bubblewrap
	cargo build --quiet --package vdo-cli
	"$$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')/debug/vdo" demo

test: setup
	$(MAKE) fmt clippy
	cargo nextest run --workspace --no-fail-fast
	cargo nextest run --package vdo-cli --features failpoints --test failpoints
	cargo nextest run --package vdo-cli --features otel --test telemetry
	$(MAKE) doctests features docs examples deny

# What finds most mistakes in little time.
check: fmt clippy
	cargo nextest run --package vdo-core --package vdo-cli --lib --bins --test tidy

fmt:
	cargo fmt --all --check

clippy:
	cargo clippy --workspace --all-targets --features vdo-bench/workers -- -D warnings

doctests:
	cargo test --workspace --doc --quiet

examples:
	scripts/examples.sh

# Every feature builds alone, and every crate without any.
features:
	scripts/features.sh

docs:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet

deny:
	scripts/deny.sh

# What the tests need beside Rust.
setup:
	scripts/setup.sh bubblewrap git iproute2 postgresql nodejs npm python3-pip python3-venv nextest
