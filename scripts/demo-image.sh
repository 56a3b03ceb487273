#!/usr/bin/env bash
# A small real image with the mistake that Lightship finds best: a compiler is installed, makes one small
# program, and is removed again in a later layer, where it costs as much as before. Made from this
# machine's own apt sources, without a container engine, in a minute or two.
# Usage: scripts/demo-image.sh LAYOUT     (does nothing where LAYOUT is there)
set -euo pipefail
layout=${1:?usage: scripts/demo-image.sh LAYOUT}
[ ! -f "$layout/index.json" ] || exit 0

mkdir -p "$(dirname "$layout")"
work=$(mktemp -d "$(dirname "$layout")/.demo-image.XXXXXX")
storage=(--root "$work/root" --runroot "$work/run" --storage-driver vfs)
cleanup() {
  buildah "${storage[@]}" umount --all >/dev/null 2>&1 || true
  rm -rf --one-file-system "$work"
}
trap cleanup EXIT
export TMPDIR=$work

# The distribution's own sources only: others may not answer.
mkdir -p "$work"/apt/{apt.conf.d,preferences.d,sources.list.d,trusted.gpg.d} "$work/context"
# shellcheck disable=SC2016 # apt's own variables
apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)|$(ORIGIN)' 'Identifier: Packages' |
  sed -n 's/|\(Debian\|Ubuntu\)$//p' | sort -u >"$work/apt/sources.list"
find /usr/share/keyrings /etc/apt/trusted.gpg.d -name '*-archive-*.gpg' -exec cp -t "$work/apt/trusted.gpg.d" {} +
apt-config dump Acquire::http Acquire::https >"$work/apt/apt.conf.d/80machine"
bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
if [ -f "$bundle" ]; then
  cp "$bundle" "$work/apt/machine-ca.crt"
  echo 'Acquire::https::CaInfo "/etc/apt/machine-ca.crt";' >>"$work/apt/apt.conf.d/80machine"
fi

echo "demo-image: a minimal Debian" >&2
mmdebstrap --quiet --variant=minbase --skip=output/dev \
  "$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)" "$work/context/rootfs.tar" "$work/apt/sources.list"

cat >"$work/context/hello.c" <<'C'
#include <stdio.h>
int main(void) { puts("all of this for one line"); return 0; }
C
cat >"$work/context/Containerfile" <<'CONTAINERFILE'
FROM scratch
ADD rootfs.tar /
CMD ["bash"]
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev
COPY hello.c /src/hello.c
RUN gcc -O2 -o /usr/local/bin/hello /src/hello.c
RUN apt-get purge -y --auto-remove gcc libc6-dev && rm -rf /src /var/lib/apt/lists/*
CMD ["hello"]
CONTAINERFILE
echo "demo-image: a compiler comes, makes a program, and goes" >&2
buildah "${storage[@]}" build --quiet --isolation chroot --layers --volume "$work/apt:/etc/apt" \
  -t localhost/demo:latest "$work/context" >/dev/null
buildah "${storage[@]}" push --quiet localhost/demo:latest "oci:$work/layout:latest"
mv "$work/layout" "$layout"
