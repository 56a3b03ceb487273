#!/usr/bin/env bash
# Builds the churn example's naive image from its Dockerfile as it stands, without a container engine:
# the image that later measurements and `make demo` audit.
#
#   scripts/naive-image.sh            the image as the team has it (23 requirements, torch and all)
#   scripts/naive-image.sh --small    the same Dockerfile with the 16 cleaned requirements
#   scripts/naive-image.sh --base     the base image alone, which benches build on, too
#
# The result is an OCI layout with the tag `latest` at $LIGHTSHIP_NAIVE_IMAGE (default
# ~/.cache/lightship-dev/churn-naive; with --small `-small` is appended). Nothing is done where it is
# there and nothing that it was made from has changed.
#
# `python:3.11` cannot be pulled everywhere, so a stand-in is made from this machine's own apt sources
# (scripts/naive-image/base.Containerfile) and kept beside the result. Debian's and pip's addresses,
# credentials and certificates come from this machine's configuration; they are mounted while building and
# are not in the image. (The package lists that the naive Dockerfile leaves behind are: apt names those
# files after the mirror.)
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/buildah.sh
source scripts/buildah.sh

main() {
  local variant=full
  case "${1:-}" in
    "") ;;
    --small) variant=small ;;
    --base) variant=base ;;
    *) fail "usage: scripts/naive-image.sh [--small|--base]" ;;
  esac

  local image=${LIGHTSHIP_NAIVE_IMAGE:-$HOME/.cache/lightship-dev/churn-naive}
  [ "$variant" != small ] || image+=-small
  local base
  base=$(dirname "$image")/python-stand-in

  mkdir -p "$(dirname "$image")"
  # One at a time: a second run waits, and then finds the work done.
  exec 9>"$(dirname "$image")/.naive-image.lock"
  flock 9

  local base_digest image_digest
  base_digest=$(digest_of scripts/naive-image)
  image_digest=$(printf '%s %s %s' "$variant" "$base_digest" "$(digest_of "$example")" | sha256sum | cut -d' ' -f1)
  if [ "$variant" = base ]; then
    ! up_to_date "$base" "$base_digest" || { echo "naive-image: $base is up to date"; return; }
  elif up_to_date "$image" "$image_digest"; then
    echo "naive-image: $image is up to date"
    return
  fi

  need buildah skopeo mmdebstrap apt-get python3 pgrep
  # Beside the result and not in /tmp, which is small or in memory on some machines: the storage grows to
  # some 15 GB. The name is fixed, so that a run after a killed one clears its remains away.
  work=$(dirname "$image")/.naive-image.work
  buildah_storage
  cleanup
  mkdir -m 700 "$work"
  trap cleanup EXIT
  export TMPDIR=$work

  say "gathering this machine's apt and pip settings"
  apt_settings "$work/apt"
  python3 scripts/naive-image/pip_settings.py "$work/pip"

  if ! up_to_date "$base" "$base_digest"; then
    build_base "$base"
    echo "$base_digest" >"$base.inputs"
  fi
  [ "$variant" != base ] || return 0
  build_image "$variant" "$base" "$image"
  echo "$image_digest" >"$image.inputs"
  say "$image: $(du -sh "$image" | cut -f1) compressed"
}

example=examples/churn-pipeline
work=      # the folder of this build, removed at the end
storage=() # buildah's options for a storage of its own in there

# A Debian, then the layers of the stand-in; left as an OCI layout at $1.
build_base() {
  local base=$1
  grep -q . "$work/apt/sources.list" || fail "apt knows no Debian or Ubuntu source; run apt-get update first"
  [[ $(LC_ALL=C apt-cache policy python3.11) == *"Candidate: 3.11"* ]] \
    || fail "the stand-in needs python3.11, which this machine's apt sources do not have (Debian 12 does)"
  say "stand-in base: a minimal Debian"
  mkdir "$work/base"
  nice -n 10 scripts/naive-image/rootfs.sh "$work/apt/sources.list" "$work/base/rootfs.tar"
  say "stand-in base: build packages and Python 3.11"
  in_build -f scripts/naive-image/base.Containerfile -t localhost/python:3.11 "$work/base"
  rm -r "$work/base"
  export_to "$base" localhost/python:3.11
}

# The Dockerfile, unmodified, over a copy of the example as git would check it out; an OCI layout at $3.
build_image() {
  local variant=$1 base=$2 image=$3
  if ! buildah "${storage[@]}" inspect --type image localhost/python:3.11 >/dev/null 2>&1; then
    skopeo copy --quiet "oci:$base:latest" "containers-storage:[overlay@$work/root+$work/run]localhost/python:3.11"
  fi
  mkdir "$work/context"
  files_of "$example" | tar -C "$example" --null -T - -cf - | tar -C "$work/context" -xf -
  if [ "$variant" = small ]; then
    mv "$work/context/requirements-clean.txt" "$work/context/requirements.txt"
  fi
  say "the image: $example/Dockerfile"
  # `python:3.11` without a registry is looked up in the local storage first, as localhost/python:3.11.
  in_build -t localhost/churn-naive:latest "$work/context"
  export_to "$image" localhost/churn-naive:latest
}

# One layer for each instruction, as engines do; the machine's settings are mounted, not copied.
in_build() {
  nice -n 10 buildah "${storage[@]}" build --isolation chroot --layers --pull-never \
    --volume "$work/apt:/etc/apt" --volume "$work/pip:/etc/xdg/pip:ro" "$@"
}

# A folder to mount over /etc/apt: the distribution's own sources and keys, proxies, certificates.
apt_settings() {
  mkdir -p "$1"/{apt.conf.d,auth.conf.d,preferences.d,sources.list.d,trusted.gpg.d}
  # shellcheck disable=SC2016 # apt's own variables
  apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)|$(ORIGIN)' 'Identifier: Packages' \
    | sed -n 's/|\(Debian\|Ubuntu\)$//p' | sort -u >"$1/sources.list"
  find /usr/share/keyrings /etc/apt/trusted.gpg.d -name '*-archive-*.gpg' \
    \( -name 'debian-*' -o -name 'ubuntu-*' \) -exec cp -t "$1/trusted.gpg.d" {} +
  find /etc/apt/auth.conf.d -type f -exec cp -t "$1/auth.conf.d" {} +
  apt-config dump Acquire::http Acquire::https >"$1/apt.conf.d/80machine"
  local bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
  if [ -f "$bundle" ]; then
    cp "$bundle" "$1/machine-ca.crt"
    echo 'Acquire::https::CaInfo "/etc/apt/machine-ca.crt";' >>"$1/apt.conf.d/80machine"
  fi
  cp scripts/naive-image/docker-clean "$1/apt.conf.d/docker-clean"
}

# The files of folder $1 that are or could be committed, NUL-separated, relative to it. Outside of a git
# checkout: all but what Python leaves behind.
files_of() {
  if git -C "$1" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git -C "$1" ls-files -z --cached --others --exclude-standard | sort -zu | existing "$1"
  else
    (cd "$1" && find . -name __pycache__ -prune -o -type f -printf '%P\0' | sort -z)
  fi
}

# Passes on the names read that exist in folder $1: git lists a removed file until that is committed.
existing() {
  local file
  while IFS= read -r -d '' file; do
    if [ -e "$1/$file" ]; then printf '%s\0' "$file"; fi
  done
}

# One digest over names and contents of the files of folder $1.
digest_of() {
  files_of "$1" | (cd "$1" && xargs -0 sha256sum) | sha256sum | cut -d' ' -f1
}

up_to_date() {
  [ -f "$1/index.json" ] && [ "$(cat "$1.inputs" 2>/dev/null)" = "$2" ]
}

say() { echo "naive-image: $*"; }

fail() {
  echo "naive-image: $*" >&2
  exit 1
}

main "$@"
