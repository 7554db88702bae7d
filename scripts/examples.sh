#!/usr/bin/env bash
# Runs every example; each checks its own result and ends with 0.
set -euo pipefail
for file in examples/[0-9]*.rs; do
  name=$(basename "$file" .rs)
  echo "example: $name" >&2
  cargo run --quiet --package vdo-examples --bin "$name" >/dev/null
done
