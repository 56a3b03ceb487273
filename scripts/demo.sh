#!/usr/bin/env bash
# Shows the main job on real input: lean images of two projects, built and run; where the bytes of an
# image are, what of it is waste, an image without it, and that it still runs. Usage: scripts/demo.sh path/to/lightship
#
# Audited is the churn example's naive image where scripts/naive-image.sh has built it (with --small: the
# one with cleaned requirements); and in any case a small image that is built here from Debian packages in
# a minute or two: a program with the compiler that made it, which a later layer removes.
set -euo pipefail
cd "$(dirname "$0")/.."
lightship=$(realpath "${1:?usage: scripts/demo.sh path/to/lightship}")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LIGHTSHIP_HOME=$work/home

main() {
  local naive image
  lean

  if naive=$(naive_image); then
    title "The churn example's naive image: where every byte is, what is waste, what each fix saves"
    run audit "$naive" --top 5
  fi
  image=$(dirname "$naive_default")/demo-image
  scripts/demo-image.sh "$image"

  title "A compiler came and went: its bytes are still there"
  run audit "$image" --top 3
  run image history "$image"

  title "Merge what is above the base; the base stays shared, the files stay what they are"
  run image squash "$image" -o "oci:$work/squashed:latest"

  title "What that changed"
  run image diff "$image" "oci:$work/squashed:latest" --top 3

  title "Nothing is wrong with the result"
  run image validate "oci:$work/squashed:latest"

  title "Into the local store, and what that holds"
  run image copy "oci:$work/squashed:latest" store:demo:squashed
  run image ls
  run store verify

  title "What this machine lets images do, without a daemon and with or without root"
  # A verdict (1) is an answer, too; whatever is missing shows below.
  run doctor || [ $? = 1 ]

  title "The program still runs without its compiler: unpacked once, then started in milliseconds"
  run image run demo:squashed
  # shellcheck disable=SC2016 # the shell inside expands it
  loud image run demo:squashed -- sh -c 'echo "I am $(id -un), process $$, and see: $(ls /sys/class/net)"'

  title "And that is proved: checks, each in a sandbox of its own"
  run verify demo:squashed --run hello --file /usr/local/bin/hello
}

# A project becomes an image, runs, and is the same image again; then the churn project does.
lean() {
  cp -r examples/numbers examples/churn-pipeline "$work"
  title "numpy and pandas on a base of distribution packages: no Docker, no root, no Dockerfile"
  run build "$work/numbers" -t numbers
  run image run numbers -- python report.py
  title "Once more: every layer is there already"
  run build "$work/numbers" -t numbers
  title "What is in it, by construction"
  run sbom numbers

  title "The churn project's cleaned list of requirements: 153 distributions"
  printf '[python]\nrequirements = ["requirements-clean.txt"]\n' > "$work/churn-pipeline/lightship.toml"
  run build "$work/churn-pipeline" -t churn --measure
  title "All that the pipeline does, once, in that image: load, validate, train, evaluate, register"
  run image run churn -- python job.py --customers 500
}

naive_default=${LIGHTSHIP_NAIVE_IMAGE:-${HOME:?}/.cache/lightship-dev/churn-naive}

naive_image() {
  local candidate
  for candidate in "$naive_default" "$naive_default-small"; do
    if [ -f "$candidate/index.json" ]; then
      echo "$candidate"
      return
    fi
  done
  echo "demo: the churn example's naive image is not built (scripts/naive-image.sh does it)" >&2
  return 1
}

title() { printf '\n\n== %s\n' "$*"; }

run() {
  printf '\n$ lightship %s\n\n' "$*"
  "$lightship" --quiet "$@"
}

# With the notes that --quiet leaves out.
loud() {
  printf '\n$ lightship --verbose %s\n\n' "$*"
  "$lightship" --verbose "$@" 2>&1
}

main
