#!/usr/bin/env bash
# Writes a minimal Debian (or Ubuntu), the release of this machine, as a tar.
# Usage: rootfs.sh SOURCES.LIST ROOTFS.TAR
#
# Like Debian's own container images it has no device files. Unlike them it names no package sources:
# the machine's are mounted when they are needed. /etc/xdg/pip is a place to mount pip's settings.
set -euo pipefail

# shellcheck disable=SC2016 # mmdebstrap's own shell expands $1
exec mmdebstrap --quiet --variant=minbase --include=netbase --skip=output/dev \
  --customize-hook='rm -rf "$1"/etc/apt/sources.list.d/* && : >"$1"/etc/apt/sources.list' \
  --customize-hook='rm -f "$1"/etc/hostname "$1"/etc/resolv.conf && mkdir -p "$1"/etc/xdg/pip' \
  "$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)" "$2" "$1"
