#!/usr/bin/env bash
# Squash and convert stream: their memory follows names, not contents. Measures both on two images that
# differ tenfold in bytes. Usage: bench/reshape.sh path/to/lightship
set -euo pipefail
cd "$(dirname "$0")/.."
lightship=$(realpath "${1:?usage: bench/reshape.sh path/to/lightship}")
# shellcheck source=bench/common.sh
source bench/common.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LIGHTSHIP_HOME=$work/home

measure() {
  local what=$1 small large
  shift
  small=$(peak_megabytes "$lightship" --quiet "$@" "oci:$work/small" -o "oci:$work/out-small")
  large=$(peak_megabytes "$lightship" --quiet "$@" "oci:$work/large" -o "oci:$work/out-large")
  echo "$what: $small MB for 200 MB, $large MB for 2 GB, ratio $(ratio "$large" "$small")  (about 1)"
}

synthetic_layout "$work/small" 200
synthetic_layout "$work/large" 2000
measure "peak memory of squash" image squash --keep-layers 0
measure "peak memory of convert to zstd" image convert --compression zstd:3
