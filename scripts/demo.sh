#!/usr/bin/env bash
# Shows the main job on real input: lean images of two projects, built and run; where the bytes of an
# image are, what of it is waste, an image without it, and that it still runs; Kubeflow pipelines from baked images.
# Usage: scripts/demo.sh path/to/lightship [PART…]      (parts: lean, images, pipelines; all where none is named)
#
# Audited is the churn example's naive image where scripts/naive-image.sh has built it (with --small: the
# one with cleaned requirements); and in any case a small image that is built here from Debian packages in
# a minute or two: a program with the compiler that made it, which a later layer removes.
set -euo pipefail
cd "$(dirname "$0")/.."
lightship=$(realpath "${1:?usage: scripts/demo.sh path/to/lightship [lean|images|pipelines]…}")
shift
# Compiled pipelines of Kubeflow's own tests, where they lie beside the project.
corpus=${LIGHTSHIP_KFP_CORPUS:-../shared/corpus/kfp}

work=$(mktemp -d)
tracking= # the process of the tracking server
trap 'stop_tracking; rm -rf "$work"' EXIT
export LIGHTSHIP_HOME=$work/home

main() {
  local part parts=("$@")
  [ "${#parts[@]}" -gt 0 ] || parts=(lean images pipelines)
  for part in "${parts[@]}"; do
    case $part in
      lean | images | pipelines) "$part" ;;
      *) echo "demo: there is no part $part" >&2; return 2 ;;
    esac
  done
}

images() {
  local naive image
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
  churn_settings
  run build "$work/churn-pipeline" -t churn --measure
  title "All that the pipeline does, once, in that image: load, validate, train, evaluate, register"
  run image run churn -- python job.py --customers 500
}

churn_settings() { printf '[python]\nrequirements = ["requirements-clean.txt"]\n' >"$work/churn-pipeline/lightship.toml"; }

# Pipelines of Kubeflow, from images that have everything.
pipelines() {
  local iris=$corpus/essential/iris_pipeline_compiled.yaml
  title "A pipeline from Kubeflow's own tests: three steps that install pandas or scikit-learn whenever they start"
  if [ -f "$iris" ]; then
    run bake "$iris" -o "$work/iris.yaml"
    title "It runs here: no cluster, and no pip in any step"
    run run "$work/iris.yaml"
  else
    echo "left out: there is no $iris; LIGHTSHIP_KFP_CORPUS names another folder of compiled pipelines" >&2
  fi
  churn_pipeline
}

# The case that started it all. Its data is made by its first step, its image is the one that was built above; what a
# cluster would have besides is a tracking server, which runs from that image too, and a secret, which stands in the
# environment. The bucket and the online feature store cannot be had here, so the pipeline is told not to use them.
churn_pipeline() {
  local project=$work/churn-pipeline port
  if [ ! -d "$project" ]; then
    cp -r examples/churn-pipeline "$work"
    churn_settings
    run build "$project" -t churn
  fi
  cat >>"$project/lightship.toml" <<'TOML'

[secrets.churn-object-store]
accesskey = { env = "CHURN_ACCESS_KEY" }
secretkey = { env = "CHURN_SECRET_KEY" }
TOML
  # The project's own way to say which image its steps have.
  echo 'CHURN_IMAGE=churn' >"$project/.env"
  export CHURN_ACCESS_KEY=demo CHURN_SECRET_KEY=demo
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  start_tracking "$port"
  cd "$project"
  local line=(run pipeline.py --sdk-image churn -p customers=500 -p push_online=false -p publish=false
    -p "tracking_uri=http://127.0.0.1:$port")
  title "The churn pipeline, from its Python file: load, validate, features, train, evaluate, register (not here: bucket, online store)"
  run "${line[@]}"
  title "Once more: loading and registering are never taken from the cache; what lies between is, for its input has the same bytes"
  run "${line[@]}"
  cd - >/dev/null
  stop_tracking
}

# MLflow's server, in the project's own image; whatever it keeps goes with it.
start_tracking() {
  "$lightship" --quiet image run --network host churn -- python -m mlflow server --host 127.0.0.1 --port "$1" \
    --workers 1 --backend-store-uri sqlite:////tmp/mlflow.db --artifacts-destination /tmp/artifacts >"$work/tracking.log" 2>&1 &
  tracking=$!
  for _ in {1..120}; do
    if python3 -c 'import sys, urllib.request as r; r.urlopen("http://127.0.0.1:%s/health" % sys.argv[1])' "$1" 2>/dev/null; then
      return
    fi
    sleep 0.5
  done
  tail -n 20 "$work/tracking.log" >&2
  echo "demo: MLflow's server did not come up" >&2
  return 1
}

stop_tracking() {
  [ -n "$tracking" ] || return 0
  kill "$tracking" 2>/dev/null || true
  wait "$tracking" 2>/dev/null || true
  tracking=
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

main "$@"
