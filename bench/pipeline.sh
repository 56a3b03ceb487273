#!/usr/bin/env bash
# Runs of pipelines against the Kubeflow SDK's own local runner: the same compiled pipelines, in the same run, by
# its default (a virtual environment for each step) and without environments; and what the engine itself takes.
# Usage: bench/pipeline.sh path/to/lightship [PART…]
#
#   steps    ten trivial steps one after another, and what a step costs over its bare process
#   pandas   one step that needs pandas
#   engine   10,000 tasks that do nothing in one loop, and in 100 loops of 100, recorded in SQLite on this disk
#
# All of them where none is named: about five minutes, most of them the other runner's. Needs a network, for that runner
# installs packages in each step. Lightship runs without its cache of results, and its images are baked beforehand:
# how long that takes has a line of its own. Asked for is what stands in brackets.
#
# The bare process is the step's own command, run again and again inside one sandbox of the same image: the same
# interpreter, files and byte code, and nothing of Lightship for each. What a step costs is a tenth of what ten take
# beyond one, less that.
set -euo pipefail
cd "$(dirname "$0")/.."
usage="usage: bench/pipeline.sh path/to/lightship [steps|pandas|engine]…"
lightship=$(realpath "${1:?$usage}")
shift
rounds=${ROUNDS:-5}
tools=${XDG_CACHE_HOME:-$HOME/.cache}/lightship-dev
PATH=$tools/bin:$PATH

export LIGHTSHIP_HOME
work=$(mktemp -d)
LIGHTSHIP_HOME=$work/home
trap 'rm -rf "$work"' EXIT

main() {
  local part parts=("$@")
  [ "${#parts[@]}" -gt 0 ] || parts=(steps pandas engine)
  for part in "${parts[@]}"; do
    [[ $part =~ ^(steps|pandas|engine)$ ]] || fail "$usage"
  done
  command -v kfp-python >/dev/null || fail "there is no kfp-python; scripts/setup.sh makes it"
  printf 'load %s, %s processors, the best of %s runs\n' "$(cut -d' ' -f1 /proc/loadavg)" "$(nproc)" "$rounds"
  for part in "${parts[@]}"; do
    printf -- '-- %s\n' "$part"
    "$part"
  done
}

steps() {
  local bare baked image command one ten plain default
  baked=$(compile one)
  mapfile -t step < <(kfp-python bench/pipeline/command.py "$baked")
  image=${step[0]} command=${step[1]}
  compile ten >/dev/null
  one=$(ours one) ten=$(ours ten)
  bare=$(quietly image run --entrypoint python3 "$image" -- -c "$(cat bench/pipeline/bare.py)" "$command" 15)
  plain=$(theirs ten plain)
  default=$(theirs ten venv)
  row 'lightship, ten steps' "$ten"
  row "local runner, without venv" "$plain" "$(quotient "$ten" "$plain")" 0.25
  row "local runner, default" "$default" "$(quotient "$ten" "$default")" 0.02
  row 'bare process of a step' "$bare"
  milliseconds 'a step over its bare process' "$(awk -v ten="$ten" -v one="$one" -v bare="$bare" 'BEGIN { print (ten - one) / 9 - bare }')" 40
  milliseconds 'a run without its steps' "$(awk -v ten="$ten" -v one="$one" 'BEGIN { print one - (ten - one) / 9 }')"
}

pandas() {
  local mine plain default
  compile pandas >/dev/null
  mine=$(ours pandas)
  plain=$(theirs pandas plain)
  default=$(theirs pandas venv)
  row 'lightship, pandas' "$mine"
  row 'local runner, without venv' "$plain" "$(quotient "$mine" "$plain")"
  row 'local runner, default' "$default" "$(quotient "$mine" "$default")"
}

# The bench of the store tells these lines before its own figures, which nobody wants here.
engine() {
  cargo bench --quiet --package lightship-store --bench runs -- --skip a --skip e 2>/dev/null |
    sed -nE 's/^(.*): ([0-9.]+) s, ([0-9]+) tasks\/s, peak ([0-9]+) kB.*/\1\t\2\t\3\t\4/p' |
    while IFS=$'\t' read -r what seconds rate peak; do
      printf '%-32s %8.2f s  %6d tasks/s %s  %4d MB %s\n' "$what" "$seconds" "$rate" \
        "$(verdict "$(quotient 5000 "$rate")" 1 'more than 5,000')" "$((peak / 1024))" "$(verdict "$((peak / 1024))" 300 'under 300')"
    done
}

# Compiles a pipeline and bakes its images; prints where the baked one is.
compile() {
  local begin
  kfp-python -W ignore -c 'import sys; from kfp.cli.__main__ import main; sys.exit(main())' dsl compile --py bench/pipeline/pipelines.py --function "$1" --output "$work/$1.yaml" >/dev/null 2>&1 ||
    fail "the SDK does not compile $1"
  begin=$EPOCHREALTIME
  quietly bake "$work/$1.yaml" -o "$work/$1-baked.yaml" >/dev/null
  row "(baking $1, once)" "$(since "$begin")" >&2
  echo "$work/$1-baked.yaml"
}

# The best of some runs of a baked pipeline, in seconds.
ours() {
  local round begin
  for ((round = 0; round <= rounds; round++)); do
    begin=$EPOCHREALTIME
    quietly run "$work/$1-baked.yaml" --no-cache >"$work/log" || fail "$(cat "$work/log")"
    # The first unpacks the image.
    [ "$round" = 0 ] || since "$begin"
  done | sort -n | head -n 1
}

theirs() {
  kfp-python -W ignore bench/pipeline/local.py "$work/$1.yaml" "$2" "$work/local" 2>"$work/log" | tail -n 1 ||
    fail "$(tail -n 20 "$work/log")"
}

quietly() { "$lightship" --quiet "$@"; }
since() { awk -v begin="$1" -v end="$EPOCHREALTIME" 'BEGIN { printf "%.3f\n", end - begin }'; }
quotient() { awk -v ours="$1" -v theirs="$2" 'BEGIN { printf "%.4f", ours / theirs }'; }
fail() { printf 'bench: %s\n' "$*" >&2; exit 1; }

# row WHAT SECONDS [RATIO [LIMIT]]
row() {
  printf '%-32s %8.2f s' "$1" "$2"
  [ -z "${3:-}" ] || printf '  ratio %.4f' "$3"
  [ -z "${4:-}" ] || printf '  %s' "$(verdict "$3" "$4" "at most $4")"
  printf '\n'
}

# milliseconds WHAT SECONDS [LIMIT]
milliseconds() {
  awk -v what="$1" -v s="$2" 'BEGIN { printf "%-32s %8.1f ms", what, s * 1000 }'
  [ -z "${3:-}" ] || printf '  %s' "$(verdict "$(awk -v s="$2" 'BEGIN { print s * 1000 }')" "$3" "at most $3")"
  printf '\n'
}

# verdict FIGURE LIMIT WORDS
verdict() { awk -v figure="$1" -v limit="$2" -v words="$3" 'BEGIN { printf "[%s: %s]", words, figure <= limit ? "met" : "MISSED" }'; }

main "$@"
