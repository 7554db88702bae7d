#!/bin/bash
# Deploys it.
set -euo pipefail

source ./lib/common.sh
. "$HOME/env"

readonly LIMIT=3
NAME="x y"
export PATH=/usr/bin

# Says how it is used.
usage() {
  local text="x"
  echo "usage: $0" >&2
  exit 1
}

function main {
  usage
  git commit -m "x"
  deploy_all "$@"
}

main "$@"
