#!/usr/bin/env bash
# Checks licences, bans and sources of all dependencies. Advisories need a network that not every machine has.
set -euo pipefail
version=0.20.2
if ! cargo deny --version 2>/dev/null | grep -q "$version"; then
  echo "installing cargo-deny $version" >&2
  RUSTFLAGS="" cargo install --quiet --locked "cargo-deny@$version"
fi
# All platforms' dependencies are looked at, not only those that were built here.
cargo fetch --quiet --locked
cargo deny --offline check licenses bans sources
