#!/usr/bin/env bash
# Installs what this workspace needs beyond a Rust toolchain: Debian packages whose programs the tests
# speak to, and cargo's helpers. What is there already is left alone, so a second run does nothing and
# takes a moment. Usage: scripts/setup.sh [--fuzz]   (--fuzz also installs cargo-fuzz)
set -euo pipefail
cd "$(dirname "$0")/.."

# Our own corner of the cache: tools here never mix with the user's own `cargo install`s.
tools=${XDG_CACHE_HOME:-$HOME/.cache}/lightship-dev
# runc lives in /usr/sbin, which an ordinary user's PATH may lack.
PATH=$tools/bin:$PATH:/usr/sbin:/sbin

# program:Debian package. Programs are looked for, not packages: a tool from elsewhere is as good.
programs=(
  # C parts of ring and zstd; `cargo xtask tidy` asks git which files there are
  cc:build-essential git:git
  # the real peers of the tests, and what buildah runs on
  skopeo:skopeo umoci:umoci buildah:buildah docker-registry:docker-registry
  runc:runc busybox:busybox-static newuidmap:uidmap openssl:openssl man:man-db groff:groff-base
  # images made from packages; examples and benches
  mmdebstrap:mmdebstrap zstd:zstd xz:xz-utils python3:python3
  # this file, among others
  shellcheck:shellcheck
)

# cargo's helpers, built from source and pinned: what they accept changes between versions.
nextest_version=0.9.143
deny_version=0.20.2
fuzz_version=0.13.1
# Its output is part of a lock.
uv_version=0.13.8
# The SDK that tests and benches compile pipelines with, and whose local runner they compare with.
kfp_version=2.17.0

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

debian_packages() {
  local entry missing=()
  for entry in "${programs[@]}"; do
    have "${entry%%:*}" || missing+=("${entry##*:}")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  have apt-get || die "missing: ${missing[*]} (Debian's names); there is no apt-get here, so install them by hand, then run this again"
  [ "$(id -u)" = 0 ] || have sudo ||
    die "missing: ${missing[*]}; become root or install sudo, then run this again (or: apt-get install ${missing[*]})"
  say "installing Debian packages: ${missing[*]}"
  as_root apt-get update -qq || say "apt-get update failed; trying with the package lists that are here"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 ||
    die "apt-get could not install: ${missing[*]} (its own message is above)"
  case " ${missing[*]} " in
    *' docker-registry '*) quiet_registry ;;
  esac
}

# Debian's package starts a registry on port 5000 as a service. Nobody asked for one: tests start
# their own, on loopback and a free port.
quiet_registry() {
  [ -d /run/systemd/system ] || return 0
  say "stopping the docker-registry service that its package has just started"
  as_root systemctl disable --now --quiet docker-registry.service || say "could not stop docker-registry.service"
}

# Whatever toolchain is the default here; Cargo.toml says which Rust is needed (`rust-version`).
rust_toolchain() {
  have cargo || die "there is no cargo here: install the Rust toolchain with rustup, then run this again"
  if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
    have rustup || die "cargo has no fmt or no clippy here: install both (Debian: rustfmt, rust-clippy)"
    say "adding rustfmt and clippy to the toolchain"
    rustup component add rustfmt clippy >&2 ||
      die "rustup could not add them (its own message is above)"
  fi
}

# uv resolves requirements for `lightship lock`; its wheel holds one program. The index is the one that
# pip is configured for.
uv_program() {
  have uv && return 0
  say "installing uv $uv_version into $tools"
  python3 -m pip --version >/dev/null 2>&1 || {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-pip >&2 ||
      die "apt-get could not install python3-pip (its own message is above)"
  }
  python3 -m pip install --quiet --target "$tools/uv" "uv==$uv_version" >&2 ||
    die "pip could not install uv $uv_version (its own message is above)"
  mkdir -p "$tools/bin"
  ln -sfn ../uv/bin/uv "$tools/bin/uv"
}

# The Kubeflow SDK in an environment of its own, with pip, which its local runner calls. `kfp-python` is its Python,
# with the environment's programs before others: steps of that runner say `python3`.
kfp_sdk() {
  have kfp-python && return 0
  say "installing the Kubeflow SDK $kfp_version into $tools"
  rm -rf "$tools/kfp"
  uv venv --quiet --seed --python "$(command -v python3)" "$tools/kfp" >&2 || die "uv could not make an environment for the Kubeflow SDK"
  VIRTUAL_ENV=$tools/kfp uv pip install --quiet "kfp==$kfp_version" "kfp-kubernetes==$kfp_version" >&2 ||
    die "uv could not install the Kubeflow SDK (its own message is above)"
  mkdir -p "$tools/bin"
  cat >"$tools/bin/kfp-python" <<SCRIPT
#!/bin/sh
PATH="$tools/kfp/bin:\$PATH" exec "$tools/kfp/bin/python" "\$@"
SCRIPT
  chmod +x "$tools/bin/kfp-python"
}

# cargo_helper NAME VERSION: a finished tool appears in bin/ only once it is complete; an interrupted
# build goes on where it stopped.
cargo_helper() {
  have "$1" && return 0
  say "building $1 $2 from source into $tools (once; takes some minutes)"
  cargo install --locked --quiet --root "$tools" --target-dir "$tools/build" --version "$2" "$1" >&2 ||
    die "could not build $1 $2 (cargo's own message is above)"
  rm -rf "$tools/build"
}

debian_packages
uv_program
kfp_sdk
rust_toolchain
cargo_helper cargo-nextest "$nextest_version"
cargo_helper cargo-deny "$deny_version"
if [ "${1:-}" = --fuzz ]; then
  cargo_helper cargo-fuzz "$fuzz_version"
fi
