#!/usr/bin/env bash
# Ten lightweight components that share pandas, baked: time and stored bytes against what was asked for, and against
# uv, which installs the same ten sets of packages into environments of this machine from its warm cache.
# Usage: bench/bake.sh path/to/lightship
#
#   wheels   everything is fetched, and nothing was made of it: no lock, no layer, no byte code, no root
#   layers   a pipeline with other packages beside pandas was baked before: base and pandas are there
#   again    the same pipeline once more
#
# Every time is the best of three, each from a copy of its own of a filled home. Asked for is what stands in brackets.
# Needs uv, and the network once. Few minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
lightship=$(realpath "${1:?usage: bench/bake.sh path/to/lightship}")
# shellcheck source=bench/common.sh
source bench/common.sh

folder=${LIGHTSHIP_BENCH_FOLDER:-$HOME/.cache/lightship-dev}
others=(six tqdm tabulate humanize attrs idna certifi click packaging toolz)

main() {
  mkdir -p "$folder"
  work=$(mktemp -d "$folder/bake-bench.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  pipeline ten "${others[@]}" >"$work/ten.yaml"
  pipeline one rich >"$work/one.yaml"
  pipeline union "${others[*]}" >"$work/union.yaml"
  printf 'load before: %s, %s processors\n' "$(cut -d' ' -f1-3 /proc/loadavg)" "$(nproc)"

  # Everything is fetched here; then nothing is left but what was fetched.
  bake "$work/filled" one
  cp -a --reflink=auto "$work/filled" "$work/layers-home"
  bake "$work/filled" ten
  local together union
  together=$(bytes)
  bake "$work/filled" union
  union=$(bytes)
  bare "$work/filled"
  # The ten wheels beside pandas are there in this home, too, and nothing was made of them.
  cp -a --reflink=auto "$work/filled/uv" "$work/uv"
  rm -rf "$work/layers-home/uv"
  cp -a --reflink=auto "$work/uv" "$work/layers-home/uv"
  blobs "$work/filled" "$work/layers-home"

  line wheels "$(best "$work/filled")" "at most 3 s"
  line layers "$(best "$work/layers-home")" "at most 3 s"
  line again "$(again)" ""
  line uv "$(peer)" "ten environments on this machine, hard links, no images"
  printf 'stored  %s bytes, %s of one image with all of it  [at most 1.10]\n' \
    "$together" "$(ratio "$together" "$union")"
  printf 'load after: %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
}

line() { printf '%-7s %6s s  %s\n' "$1" "$2" "${3:+[$3]}"; }

# bake HOME PIPELINE
bake() {
  "$lightship" --quiet --home "$1" bake "$work/$2.yaml" -o "$work/baked.yaml" --format json >"$work/report.json"
  if ! python3 -c 'import json, sys; sys.exit(any(step["baked"] is None for step in json.load(open(sys.argv[1]))["steps"]))' \
    "$work/report.json"; then
    echo "bench: not every step was baked" >&2
    return 1
  fi
}

bytes() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["bytes"])' "$work/report.json"; }

# Of a home, leaves what came from the network: packages, lists, uv's cache.
bare() {
  local kind
  for kind in layers recipes bytecode workbenches images repacked unpacked holders starts; do
    rm -rf "$1/store/refs/$kind"
  done
  rm -rf "$1/steps" "$1/facts"
  "$lightship" --quiet --home "$1" store gc >/dev/null
}

# blobs FROM TO: packages that one store has and the other lacks.
blobs() {
  cp -an "$1/store/blobs/." "$2/store/blobs/"
  cp -an "$1/store/refs/packages/." "$2/store/refs/packages/"
  cp -an "$1/store/refs/index-addresses/." "$2/store/refs/index-addresses/" 2>/dev/null || true
}

# best HOME: the fastest of three, each in a copy.
best() {
  local _
  for _ in 1 2 3; do
    rm -rf "$work/copy"
    cp -a --reflink=auto "$1" "$work/copy"
    sync
    seconds bake "$work/copy" ten
  done | sort -n | head -n 1
}

again() {
  local _
  for _ in 1 2 3; do seconds bake "$work/copy" ten; done | sort -n | head -n 1
}

# uv with its own cache warm: what an installer of the same packages can do at best.
peer() {
  local _
  export UV_CACHE_DIR=$work/uv-cache
  environments >/dev/null 2>&1
  for _ in 1 2 3; do seconds environments; done | sort -n | head -n 1
}

environments() {
  local name
  rm -rf "$work/environments"
  for name in "${others[@]}"; do
    uv venv --quiet "$work/environments/$name"
    VIRTUAL_ENV="$work/environments/$name" uv pip install --quiet pandas==2.3.3 "$name"
    VIRTUAL_ENV="$work/environments/$name" uv pip install --quiet --no-deps kfp==2.14.6
  done
}

# seconds COMMAND…
seconds() {
  local begin
  begin=$(date +%s.%N)
  "$@" >/dev/null
  python3 -c 'import sys; print(f"{float(sys.argv[2]) - float(sys.argv[1]):.2f}")' "$begin" "$(date +%s.%N)"
}

# pipeline NAME PACKAGES…: a step for each word, as the SDK compiles it; several packages in one word stand in a row.
pipeline() {
  python3 - "$@" <<'PYTHON'
import json, sys

name, *steps = sys.argv[1:]
PIP = "python3 -m pip install --quiet --no-warn-script-location"
RUN = """program_path=$(mktemp -d)

printf "%s" "$0" > "$program_path/ephemeral_component.py"
_KFP_RUNTIME=true python3 -m kfp.dsl.executor_main --component_module_path "$program_path/ephemeral_component.py" "$@"
"""

def container(at: int, packages: str) -> dict:
    wanted = " ".join(f"'{package}'" for package in ["pandas==2.3.3", *packages.split()])
    script = f"PIP_DISABLE_PIP_VERSION_CHECK=1 {PIP} {wanted} && {PIP} 'kfp==2.14.6' '--no-deps' && \"$0\" \"$@\"\n"
    source = f"import kfp\nfrom kfp import dsl\n\ndef step{at}(a: int) -> int:\n    import pandas\n    return a + {at}\n"
    return {"image": "python:3.11", "command": ["sh", "-c", script, "sh", "-ec", RUN, source],
            "args": ["--executor_input", "{{$}}", "--function_to_execute", f"step{at}"]}

integer = {"parameterType": "NUMBER_INTEGER"}
print(json.dumps({
    "pipelineInfo": {"name": name}, "schemaVersion": "2.1.0", "sdkVersion": "kfp-2.14.6",
    "components": {f"comp-step{at}": {"executorLabel": f"exec-step{at}",
        "inputDefinitions": {"parameters": {"a": integer}},
        "outputDefinitions": {"parameters": {"Output": integer}}} for at in range(len(steps))},
    "deploymentSpec": {"executors": {f"exec-step{at}": {"container": container(at, packages)}
        for at, packages in enumerate(steps)}},
    "root": {"dag": {"tasks": {f"step{at}": {"componentRef": {"name": f"comp-step{at}"},
        "taskInfo": {"name": f"step{at}"},
        "inputs": {"parameters": {"a": {"runtimeValue": {"constant": 1}}}}} for at in range(len(steps))}}},
}))
PYTHON
}

main
