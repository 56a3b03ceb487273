#!/usr/bin/env bash
# What it takes to start a command in an image whose layers are unpacked, against starting the same
# program without one; and what two hundred starts leave behind.
# Usage: bench/sandbox.sh path/to/lightship
#
# Asked for: at most 30 ms over the bare process, with 5 layers and with 60; nothing left behind.
# bench/unpack.sh measures unpacking.
set -euo pipefail
cd "$(dirname "$0")/.."
lightship=$(realpath "${1:?usage: bench/sandbox.sh path/to/lightship}")
rounds=${ROUNDS:-40}
busybox=$(command -v busybox)

export LIGHTSHIP_HOME
LIGHTSHIP_HOME=$(mktemp -d)
work=$(mktemp -d)
trap 'rm -rf "$LIGHTSHIP_HOME" "$work"' EXIT

for layers in 5 60; do
  python3 bench/many-layers.py "$busybox" "$layers" "$work/$layers"
done
ln -s "$busybox" "$work/true"

# milliseconds COMMAND…: how long it took, to the microsecond.
milliseconds() {
  local begin=$EPOCHREALTIME end
  "$@" >/dev/null
  end=$EPOCHREALTIME
  awk -v begin="$begin" -v end="$end" 'BEGIN { printf "%.3f\n", (end - begin) * 1000 }'
}
median() { sort -n "$1" | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }
run() { "$lightship" --quiet image run "oci:$work/$1"; }

# The first run unpacks. Then bare process and sandboxes take turns, so that noise meets all alike.
run 5
run 60
for ((round = 0; round < rounds; round++)); do
  milliseconds "$work/true" >>"$work/bare.times"
  milliseconds run 5 >>"$work/5.times"
  milliseconds run 60 >>"$work/60.times"
done
bare=$(median "$work/bare.times")
printf 'bare process                  %6.1f ms\n' "$bare"
for layers in 5 60; do
  whole=$(median "$work/$layers.times")
  printf 'lightship, %2d layers          %6.1f ms\n' "$layers" "$whole"
  awk -v bare="$bare" -v whole="$whole" -v layers="$layers" \
    'BEGIN { printf "over the bare process         %6.1f ms  (%d layers; at most 30)\n", whole - bare, layers }'
done

mounts() { wc -l </proc/self/mountinfo; }
# The kernel's own threads come and go; they have no command line.
processes() { cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' | grep -o '[_]_sandbox-helper' | wc -l; }
groups() { find /sys/fs/cgroup -maxdepth 4 -name 'lightship-*' 2>/dev/null | wc -l; }
folders() { find "$LIGHTSHIP_HOME/sandboxes" -mindepth 1 ! -name gate | wc -l; }
# What the kernel holds for itself and cannot give back, in MB.
kernel_memory() { awk '/^(SUnreclaim|KernelStack|PageTables|Percpu):/ { sum += $2 } END { printf "%.0f", sum / 1024 }' /proc/meminfo; }
state() { echo "$(mounts) mounts, $(processes) helpers, $(groups) control groups, $(folders) folders, $(kernel_memory) MB in the kernel"; }
before=$(state)
for ((start = 0; start < 200; start++)); do
  run 5
done
# Network namespaces are taken apart by a kernel thread, a moment later.
sleep 1
echo "before 200 starts             $before"
echo "after 200 starts              $(state)"
