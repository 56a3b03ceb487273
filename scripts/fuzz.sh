#!/usr/bin/env bash
# Runs every fuzz target for a while, one after another, starting from fuzz/seeds and from
# what earlier runs found (fuzz/corpus, which git ignores).
# Usage: scripts/fuzz.sh SECONDS_PER_TARGET [TARGET…]
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:?usage: scripts/fuzz.sh SECONDS_PER_TARGET [TARGET…]}
shift

# cargo-fuzz passes flags that only nightly takes. Where there is no nightly, the pinned stable compiler
# is told to take them too: good enough to look for panics.
if cargo +nightly --version >/dev/null 2>&1; then
  fuzz=(cargo +nightly fuzz)
else
  echo "fuzz: no nightly toolchain here; using the pinned one with RUSTC_BOOTSTRAP=1" >&2
  export RUSTC_BOOTSTRAP=1
  fuzz=(cargo fuzz)
fi

if [ $# = 0 ]; then
  mapfile -t targets < <("${fuzz[@]}" list)
else
  targets=("$@")
fi

# A `cargo fuzz` that is not there lists nothing, and nothing must not pass for success.
[ "${#targets[@]}" -gt 0 ] || { echo "fuzz: no targets; is cargo-fuzz there? (scripts/setup.sh --fuzz)" >&2; exit 1; }

for target in "${targets[@]}"; do
  echo "== $target, $seconds s"
  mkdir -p "fuzz/corpus/$target"
  # Limits of one input: 10 s and 1 GB; whatever needs more is a finding. Leaks are not looked for: the
  # detector takes what a thread still holds while it ends for one, and safe code has few others.
  # libFuzzer refuses a folder that is not there, and some targets start from nothing.
  folders=("fuzz/corpus/$target")
  [ ! -d "fuzz/seeds/$target" ] || folders+=("fuzz/seeds/$target")
  "${fuzz[@]}" run "$target" "${folders[@]}" -- \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -detect_leaks=0 -print_final_stats=1
done
