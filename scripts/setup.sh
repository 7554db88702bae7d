#!/usr/bin/env bash
# Installs the Debian packages named, where they are missing and this is root; otherwise prints the exact command and goes on.
set -euo pipefail
missing=()
for package in "$@"; do
  case $package in
    bubblewrap) command -v bwrap >/dev/null || missing+=("$package") ;;
    *) command -v "$package" >/dev/null || missing+=("$package") ;;
  esac
done
command -v python3 >/dev/null || missing+=(python3)
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing ${missing[*]}" >&2
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
else
  echo "missing: ${missing[*]}; install with: sudo apt-get install -y ${missing[*]}" >&2
  echo "without bubblewrap the sandbox runs at a lower tier, and says so" >&2
fi
