#!/usr/bin/env bash
# Unpacking layers (decompressing and verifying them included) against `tar` reading the decompressed
# layers, to the same disk. Usage: bench/unpack.sh path/to/lightship [LAYOUT]
# (the program is not used: what unpacks is called directly, so that nothing else is measured)
#
# Asked for: at least 0.7 times the speed of tar. LAYOUT is the churn example's naive image unless given;
# scripts/naive-image.sh builds it. Needs room for the image three times in TMPDIR.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=bench/common.sh
source bench/common.sh
layout=$(realpath "${2:-$(naive_layout)}")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cargo bench --quiet --package lightship-sandbox --bench unpack -- "$layout" "$work" "${ROUNDS:-3}"
