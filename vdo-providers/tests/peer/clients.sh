#!/bin/sh
# Installs the vendors' own Python clients that the tests compare VDO with.
#
#   clients.sh DIR        DIR becomes a virtual environment; needs python3 with venv, and a package index
#
# All versions are pinned in requirements.txt; nothing is built from source.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
into=${1:?usage: clients.sh DIR}
if cmp -s "$here/requirements.txt" "$into/requirements.txt" && [ -e "$into/installed" ]; then
    exit 0
fi
rm -rf "$into"
python3 -m venv "$into"
cp "$here/requirements.txt" "$into/"
"$into/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps -r "$here/requirements.txt"
: > "$into/installed"
