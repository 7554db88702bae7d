#!/usr/bin/env bash
# Builds every feature of every library alone, and every library without any.
set -euo pipefail
cargo metadata --format-version 1 --no-deps | python3 -c '
import json, sys
for package in json.load(sys.stdin)["packages"]:
    if package["name"] in ("vdo-core", "vdo-providers", "vdo-store", "vdo-workspace"):
        print(package["name"], "")
        for feature in package["features"]:
            if feature != "default":
                print(package["name"], feature)
' | while read -r package feature; do
  echo "feature: $package ${feature:-(none)}" >&2
  cargo clippy --quiet --package "$package" --no-default-features --features "${feature:-}" -- -D warnings
done
