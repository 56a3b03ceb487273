#!/usr/bin/env bash
# Holds the dependencies to deny.toml. Licences, sources and bans need nothing but Cargo.lock and are
# always checked. Advisories need a database, a git repository that cargo-deny fetches: where neither a
# fetch nor an earlier copy is to be had, they are skipped, and the last line says so.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo deny --workspace check bans licenses sources

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# cargo-deny's default place (deny.toml names no other); a finished copy has a folder `crates`.
databases=${CARGO_HOME:-$HOME/.cargo}/advisory-dbs

# `timeout`, because a network that swallows packets would hold up every run for many minutes.
if timeout 60 cargo deny fetch db >"$log" 2>&1; then
  cargo deny --offline --workspace check advisories
elif compgen -G "$databases/*/crates" >/dev/null; then
  echo "deny: the advisory database cannot be fetched; checking against the copy in $databases" >&2
  cargo deny --offline --workspace check advisories
else
  reason=$(grep -v '^[[:space:]]*$' "$log" | tail -n 1 | sed 's/^[[:space:]]*//')
  echo "deny: advisories SKIPPED: their database cannot be fetched and there is no earlier copy (${reason:-no answer within 60 s})" >&2
fi
