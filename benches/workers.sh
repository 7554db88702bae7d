#!/bin/bash
# Worker processes on a PostgreSQL server of its own, everything flushed to the disk: benches/workers.sh [options of vdo-workers].
# Build first: cargo build --release -p vdo-bench --bin vdo-workers --features workers. PROFILE=debug takes that of a debug build.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
folder=$(mktemp -d)
chmod 777 "$folder"
as=()
if [ "$(id -u)" = 0 ]; then as=(setpriv --reuid postgres --regid postgres --clear-groups --); fi
"${as[@]}" "$bin/initdb" -A trust -U postgres -E UTF8 --locale=C -D "$folder/data" > /dev/null
trap '"${as[@]}" "$bin/pg_ctl" -D "$folder/data" -m immediate stop > /dev/null; rm -rf "$folder"' EXIT
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"${as[@]}" "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-p $port -h 127.0.0.1 -k $folder -c max_connections=100" start > /dev/null
"${CARGO_TARGET_DIR:-$(dirname "$0")/../target}/${PROFILE:-release}/vdo-workers" --store "postgres://postgres@127.0.0.1:$port/postgres" "$@"
