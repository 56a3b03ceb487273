#!/usr/bin/env bash
# Shows the main job on real input: where the bytes of an image are, what of it is waste, and an image
# without it. Usage: scripts/demo.sh path/to/lightship
#
# The image is the churn example's naive one where scripts/naive-image.sh has built it (with --small: the
# one with cleaned requirements), else a small one that is built here from Debian packages in a minute: a
# program with the compiler that made it, which a later layer removes.
set -euo pipefail
cd "$(dirname "$0")/.."
lightship=$(realpath "${1:?usage: scripts/demo.sh path/to/lightship}")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LIGHTSHIP_HOME=$work/home

main() {
  local image
  image=$(choose_image)

  title "Where every byte is, and which are waste"
  run audit "$image" --top 5

  title "Each instruction with what it weighs"
  run image history "$image"

  title "Merge what is above the base; the base stays shared, the files stay what they are"
  run image squash "$image" -o "oci:$work/squashed:latest"

  title "What that changed"
  run image diff "$image" "oci:$work/squashed:latest" --top 5

  title "Nothing is wrong with the result"
  run image validate "oci:$work/squashed:latest"

  title "Into the local store, and what that holds"
  run image copy "oci:$work/squashed:latest" demo:squashed
  run image ls
  run store verify
}

choose_image() {
  local naive=${LIGHTSHIP_NAIVE_IMAGE:-$HOME/.cache/lightship-dev/churn-naive} candidate
  for candidate in "$naive" "$naive-small"; do
    if [ -f "$candidate/index.json" ]; then
      echo "demo: the churn example's naive image, $candidate" >&2
      echo "$candidate"
      return
    fi
  done
  echo "demo: no naive image yet (scripts/naive-image.sh builds it); using a small one" >&2
  scripts/demo-image.sh "$naive-demo" >&2
  echo "$naive-demo"
}

title() { printf '\n\n== %s\n' "$*"; }

run() {
  printf '\n$ lightship %s\n\n' "$*"
  "$lightship" --quiet "$@"
}

main
