#!/bin/sh
# Installs the independent mock server that tests/peer.rs talks to.
#
#   install.sh DIR        DIR is made if it is not there; needs npm and node 20 or newer
#
# The version and its checksum are pinned in package-lock.json. No install script of the package is run.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
into=${1:?usage: install.sh DIR}
mkdir -p "$into"
if cmp -s "$here/package-lock.json" "$into/package-lock.json" && [ -e "$into/installed" ]; then
    exit 0
fi
rm -f "$into/installed"
cp "$here/package.json" "$here/package-lock.json" "$into/"
cd "$into"
npm ci --ignore-scripts --no-audit --no-fund
: > installed
