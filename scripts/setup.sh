#!/usr/bin/env bash
# Installs the Debian packages named, where what they bring is missing and this is root; otherwise prints the exact command
# and goes on. "nextest" stands for cargo-nextest.
set -euo pipefail
missing=()
for package in python3 "$@"; do
  case $package in
    bubblewrap) command -v bwrap >/dev/null || missing+=("$package") ;;
    iproute2) command -v ip >/dev/null || missing+=("$package") ;;
    nodejs) command -v node >/dev/null || missing+=("$package") ;;
    python3-venv) python3 -c "import ensurepip, venv" >/dev/null 2>&1 || missing+=("$package") ;;
    python3-pip) python3 -m pip --version >/dev/null 2>&1 || missing+=("$package") ;;
    postgresql) compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || missing+=("$package") ;;
    nextest) cargo nextest --version >/dev/null 2>&1 || cargo install --quiet --locked cargo-nextest ;;
    *) command -v "$package" >/dev/null || missing+=("$package") ;;
  esac
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing ${missing[*]}" >&2
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
else
  echo "missing: ${missing[*]}; install with: sudo apt-get install -y ${missing[*]}" >&2
  echo "without bubblewrap the sandbox runs at a lower tier, and says so" >&2
fi
