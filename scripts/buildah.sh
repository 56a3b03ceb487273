# What scripts that build with buildah share; to be sourced. Each has a `$work` folder of its own, and ends when
# `fail` says why.
# shellcheck shell=bash

# Buildah's options for a storage in $work.
buildah_storage() { storage=(--root "$work/root" --runroot "$work/run" --storage-driver overlay); }

# Writes image $2 of the storage as an OCI layout at $1, whole or not at all.
export_to() {
  say "compressing the layers of $2"
  nice -n 10 buildah "${storage[@]}" push --quiet "$2" "oci:$work/layout:latest"
  rm -rf "$1" "$1.inputs"
  mv "$work/layout" "$1"
}

# Removes the working folder, this run's or a killed one's.
cleanup() {
  end_descendants
  [ -e "$work" ] || return 0
  # An interrupted build leaves its overlays mounted, and the removal would reach through what is mounted.
  # Innermost first; lazily, because a process that will not end yet may still stand in one.
  local place
  while IFS= read -r place; do
    umount --lazy "$place" || return
  done < <(awk -v under="$work/" 'index($2, under) == 1 { print $2 }' /proc/self/mounts | sort -r)
  rm -rf --one-file-system "$work"
}

# Ends what this script still has running, down to pip inside the build, and gives it ten seconds: told to
# stop, bash comes to its exit trap while they go on writing.
end_descendants() {
  local running
  running=$(descendants_of $$)
  # shellcheck disable=SC2086 # a list of process ids
  [ -n "$running" ] && kill $running 2>/dev/null || return 0
  for _ in {1..100}; do
    # shellcheck disable=SC2086
    kill -0 $running 2>/dev/null || return 0
    sleep 0.1
  done
}

# The process ids below $1, innermost first.
descendants_of() {
  local child
  for child in $(pgrep -P "$1"); do
    [ "$child" != "$BASHPID" ] || continue
    descendants_of "$child"
    echo "$child"
  done
}

need() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || fail "$tool is missing; scripts/setup.sh installs it"
  done
}
