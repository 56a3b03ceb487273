#!/usr/bin/env bash
# Lean builds of the churn project (16 requirements, 153 distributions) against what buildah makes of the same
# lock with pip and with uv, each in two stages; sizes, start, sameness and sharing against what was asked for.
# Usage: bench/lean.sh path/to/lightship [PART…]
#
#   cold     the first build of all, downloads included, with the most memory it held
#   warm     the same once more, a changed source line, a changed requirement
#   sizes    compressed, without byte code and with that of used modules, and at zstd:19
#   start    job.py in our image and in pip's, taking turns in one sandbox
#   same     the digest in another folder, as another user, with another locale, on one processor
#   sharing  ten projects that share half their packages
#
# All of them, in this order, where none is named: about half an hour on two processors. Needs 15 GB beside
# scripts/naive-image.sh's results. Asked for is what stands in brackets; every ratio is ours by theirs.
set -euo pipefail
cd "$(dirname "$0")/.."
usage="usage: bench/lean.sh path/to/lightship [cold|warm|sizes|start|same|sharing]…"
lightship=$(realpath "${1:?$usage}")
# shellcheck source=bench/common.sh
source bench/common.sh
# shellcheck source=scripts/buildah.sh
source scripts/buildah.sh
# shellcheck source=bench/lean/peers.sh
source bench/lean/peers.sh

naive=${LIGHTSHIP_NAIVE_IMAGE:-$HOME/.cache/lightship-dev/churn-naive}
example=examples/churn-pipeline
work=      # the folder of this run, removed at the end
elsewhere= # another one, which every user can reach
storage=() # buildah's options for a storage of its own in there

main() {
  local part parts=("$@")
  [ "${#parts[@]}" -gt 0 ] || parts=(cold warm sizes start same sharing)
  for part in "${parts[@]}"; do
    [[ $part =~ ^(cold|warm|sizes|start|same|sharing)$ ]] || fail "$usage"
  done
  mkdir -p "$(dirname "$naive")"
  work=$(mktemp -d "$(dirname "$naive")/lean-bench.XXXXXX")
  trap 'rm -rf "$elsewhere"; cleanup' EXIT
  export TMPDIR=$work

  project=$work/churn-pipeline
  cp -r "$example" "$project"
  settings
  # The lock is at hand in every part, and nothing else is.
  quietly "$lightship" --home "$work/locking" lock "$project"
  rm -rf "$work/locking"
  for part in "${parts[@]}"; do
    printf -- '-- %s\n' "$part"
    "$part"
  done
}

# settings [BYTECODE [COMPRESSION]]: those of the project.
settings() {
  printf '[python]\nrequirements = ["requirements-clean.txt"]\nbytecode = "%s"\n[build]\ncompression = "%s"\n' \
    "${1:-used}" "${2:-zstd:9}" >"$project/lightship.toml"
}

# build [ARGUMENT…]: the project into the store of the parts; its report to $work/report.json.
build() {
  "$lightship" --quiet --home "$work/home" build "$project" -t churn --format json "$@" >"$work/report.json"
}

cold() {
  local pip_build pip_push uv_build uv_push ours bare memory
  prepare_peers
  read -r ours memory < <(measure "$lightship" --quiet --home "$work/home" build "$project" --locked -t churn)
  settings none
  bare=$(seconds "$lightship" --quiet --home "$work/bare" build "$project" --locked -t bare)
  rm -rf "$work/bare"
  settings
  uv_build=$(seconds peer uv)
  uv_push=$(seconds push_peer uv)
  pip_build=$(seconds peer pip)
  pip_push=$(seconds push_peer pip)
  line "cold, to a compressed image" "$ours s"
  against "buildah + uv, not compressed" "$ours" "$uv_build" s "at most 0.5"
  against "buildah + uv, compressed" "$ours" "$(sum "$uv_build" "$uv_push")" s
  # uv makes no byte code here.
  line "cold, without byte code" "$bare s"
  against "buildah + uv, not compressed" "$bare" "$uv_build" s "at most 0.5"
  against "buildah + uv, compressed" "$bare" "$(sum "$uv_build" "$uv_push")" s
  against "buildah + pip, not compressed" "$ours" "$pip_build" s
  against "buildah + pip, compressed" "$ours" "$(sum "$pip_build" "$pip_push")" s
  limit "most memory, one process" "$memory" 1000 MB
}

warm() {
  local ours theirs
  prepare_peers
  build --locked
  quietly peer uv
  limit "same lock" "$(seconds build --locked)" 3 s
  echo "# changed" | tee -a "$work/peer/job.py" >>"$project/job.py"
  ours=$(seconds build --locked)
  theirs=$(seconds peer uv)
  limit "source change" "$ours" 0.3 s
  against "buildah (either), not compressed" "$ours" "$theirs" s
  requirement_change
}

# Another version of one small package: resolved, fetched, built. The first time nothing was ever resolved in this
# store, and uv asks for all lists of files; the second time is what somebody meets who works on a project. The
# peer is given the new lock.
requirement_change() {
  local version first ours theirs
  cp "$project/lightship.lock" "$work/lock.before"
  cp "$project/requirements-clean.txt" "$work/requirements.before"
  version=$(sed -n 's/^python-dotenv==\([^ ]*\) .*/\1/p' "$work/peer/pins.txt")
  sed -i "s/^python-dotenv$/python-dotenv<$version/" "$project/requirements-clean.txt"
  first=$(seconds build)
  ! cmp --quiet "$project/lightship.lock" "$work/lock.before" || fail "the lock has not changed"
  line "one requirement changed, nothing resolved before" "$first s"
  python3 bench/lean/pins.py "$project/lightship.lock" >"$work/peer/pins.txt"
  version=$(sed -n 's/^python-dotenv==\([^ ]*\) .*/\1/p' "$work/peer/pins.txt")
  cp "$project/lightship.lock" "$work/lock.between"
  sed -i "s/^python-dotenv<.*/python-dotenv<$version/" "$project/requirements-clean.txt"
  ours=$(seconds build)
  ! cmp --quiet "$project/lightship.lock" "$work/lock.between" || fail "the lock has not changed again"
  python3 bench/lean/pins.py "$project/lightship.lock" >"$work/peer/pins.txt"
  theirs=$(seconds peer uv)
  # Its download of some 20 kB, and of a list of files, is in the time.
  limit "one requirement changed" "$ours" 2 s
  against "buildah + uv, resolved, not compressed" "$ours" "$theirs" s
  mv "$work/lock.before" "$project/lightship.lock"
  mv "$work/requirements.before" "$project/requirements-clean.txt"
  python3 bench/lean/pins.py "$project/lightship.lock" >"$work/peer/pins.txt"
}

sizes() {
  local kind compressed
  prepare_peers
  for kind in "none zstd:9 175" "used zstd:9 200" "none zstd:19 158"; do
    # shellcheck disable=SC2086 # three words
    set -- $kind
    settings "$1" "$2"
    build --locked
    compressed=$(of_report 'r["after"]["compressed_bytes"]')
    limit "byte code $1, $2" "$(megabytes "$compressed")" "$3" MB
    [ "$kind" != "used zstd:9 200" ] || compared_sizes
  done
  settings
}

# The peers' base is a whole distribution with compilers, so what is above the base is compared.
compared_sizes() {
  local ours peer
  ours=$(of_report 'r["after"]["compressed_bytes"] - sum(c["compressed_bytes"] for c in r["categories"] if c["stage"] == "base")')
  for peer in uv pip; do
    quietly peer "$peer"
    quietly push_peer "$peer"
    against "buildah + $peer (gzip), above the base" "$(megabytes "$ours")" "$(megabytes "$(above_base "$work/layout-$peer")")" MB
  done
}

start() {
  local round image
  prepare_peers
  build --locked
  [ -d "$work/layout-pip" ] || { quietly peer pip; quietly push_peer pip; }
  quietly "$lightship" --home "$work/home" image copy "oci:$work/layout-pip:latest" store:peer:pip
  for image in churn peer:pip; do
    seconds job "$image" >/dev/null # the first run unpacks
  done
  # In turn, so that noise meets both alike.
  for ((round = 0; round < ${ROUNDS:-5}; round++)); do
    for image in churn peer:pip; do
      seconds job "$image" >>"$work/job-$image"
    done
  done
  ours=$(median "$work/job-churn")
  line "job.py" "$ours s"
  against "in pip's image" "$ours" "$(median "$work/job-peer:pip")" s "at most 1"
}

job() { "$lightship" --quiet --home "$work/home" image run "$1" -- python job.py --customers 500; }

same() {
  local first other as=()
  build --locked
  first=$(of_report 'r["digest"]')
  elsewhere=$(TMPDIR='' mktemp -d)
  quietly "$lightship" --home "$work/home" vendor "$elsewhere/vendor" --project "$project"
  mkdir -p "$elsewhere/deep/down"
  cp -r "$project" "$elsewhere/deep/down/other"
  cp "$lightship" "$elsewhere/lightship"
  if [ "$(id -u)" = 0 ]; then
    as=(setpriv --reuid=54321 --regid=54321 --clear-groups)
    chown -R 54321:54321 "$elsewhere"
  fi
  (
    cd "$elsewhere/deep/down/other"
    umask 077
    export HOME=$elsewhere TMPDIR=$elsewhere TZ=Asia/Kathmandu LC_ALL=C LIGHTSHIP_JOBS=1
    "${as[@]}" ../../../lightship --quiet --home "$elsewhere/home" build --locked --vendor "$elsewhere/vendor" \
      -t other --format json
  ) >"$work/report.json"
  other=$(of_report 'r["digest"]')
  [ "$first" = "$other" ] || fail "$first here, $other elsewhere"
  line "another folder, user, locale, one processor" "${first:0:19}… both times"
}

sharing() {
  local number ten union
  python3 bench/lean/sharing.py "$project/lightship.lock" "$work/sharing"
  for number in {0..9}; do
    quietly "$lightship" --home "$work/ten" build "$work/sharing/project$number" -t "project$number"
  done
  quietly "$lightship" --home "$work/one" build "$work/sharing/union" -t union
  ten=$(megabytes "$(stored "$work/ten")")
  union=$(megabytes "$(stored "$work/one")")
  line "ten projects, stored" "$ten MB"
  against "one project with all their packages" "$ten" "$union" MB "at most 1.1"
}

# Bytes of all images in a store, each blob once.
stored() {
  "$lightship" --home "$1" store df --format json |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["kinds"]["images"]["blobs"]["bytes"])'
}

of_report() { python3 -c "import json; r = json.load(open('$work/report.json')); print($1)"; }
megabytes() { awk -v bytes="$1" 'BEGIN { printf "%.1f", bytes / 1e6 }'; }
sum() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a + b }'; }
median() { sort -n "$1" | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

# What is measured; a peer below it, and their ratio; or a limit, and how much of it is used.
line() { printf '%-44s %s\n' "$1" "$2"; }
against() { line "  $1" "$3 $4, ratio $(ratio "$2" "$3")${5:+  ($5)}"; }
limit() { line "$1" "$2 $4, $(ratio "$2" "$3") of the limit  (at most $3 $4)"; }

# Runs a command; what it says is only seen if it fails.
quietly() { "$@" >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; fail "failed: $*"; }; }

# seconds COMMAND…: how long it took.
seconds() {
  local begin=$EPOCHREALTIME
  quietly "$@"
  awk -v begin="$begin" -v end="$EPOCHREALTIME" 'BEGIN { printf "%.2f\n", end - begin }'
}

# measure COMMAND…: how long it took, and the most memory that one of its processes held, in MB.
measure() {
  python3 - "$@" <<'PYTHON'
import resource, subprocess, sys, time
begin = time.monotonic()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
seconds = time.monotonic() - begin
print(f"{seconds:.2f}", round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6))
PYTHON
}

say() { echo "lean: $*"; }

fail() {
  echo "lean: $*" >&2
  exit 1
}

shift
main "$@"
