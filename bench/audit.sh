#!/usr/bin/env bash
# Audit against decompressing the same layers with the same library, and against `gzip -dc`; and its peak
# memory. Usage: bench/audit.sh path/to/lightship [LAYOUT]
#
# Asked for: audit / decompress at most 2, audit / gzip -dc at most 0.5, and on an image of 7 GB with
# 150,000 files less than 300 MB of memory. LAYOUT is the churn example's naive image unless given;
# scripts/naive-image.sh builds it.
set -euo pipefail
cd "$(dirname "$0")/.."
lightship=$(realpath "${1:?usage: bench/audit.sh path/to/lightship [LAYOUT]}")
# shellcheck source=bench/common.sh
source bench/common.sh
layout=${2:-$(naive_layout)}

cargo bench --quiet --package lightship-audit --bench audit -- "$layout" "${ROUNDS:-3}"
export LIGHTSHIP_HOME
LIGHTSHIP_HOME=$(mktemp -d)
trap 'rm -rf "$LIGHTSHIP_HOME"' EXIT
"$lightship" --quiet audit "$layout" --top 1 | sed -n '2p'
echo "peak memory of audit              $(peak_megabytes "$lightship" --quiet audit "$layout" --format json) MB  (less than 300)"
