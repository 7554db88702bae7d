#!/usr/bin/env bash
# Fuzzes the readers of edits. Usage: scripts/fuzz.sh SECONDS [TARGET ...]
#
# Coverage-guided (libFuzzer), on the stable toolchain: the flags are those that cargo-fuzz gives, without a sanitizer.
# New inputs go to target/fuzz-corpus; the small corpus in fuzz/corpus is only read.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:?"seconds per target"}
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(search_replace unified_diff v4a whole str_replace)

host=$(rustc -vV | sed -n 's/^host: //p')
target_dir=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
  -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1"
CARGO_TARGET_DIR=$target_dir cargo build --quiet --release --manifest-path fuzz/Cargo.toml --target "$host"

for target in "${targets[@]}"; do
  found=$target_dir/corpus/$target
  mkdir -p "$found"
  echo "== $target, $seconds s"
  "$target_dir/$host/release/$target" "$found" "fuzz/corpus/$target" -max_total_time="$seconds" -max_len=8192 \
    -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$found-" -print_final_stats=1 2>&1 | tail -12
done
