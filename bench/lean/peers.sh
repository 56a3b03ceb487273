# Images of the churn project as buildah makes them, with pip and with uv; to be sourced by bench/lean.sh.
# Where things are is said there: `work`, `naive`, `project`, `storage`.
# shellcheck shell=bash disable=SC2154

# A place for buildah with nothing in it but the base image, and what the peers' installers need to know.
prepare_peers() {
  [ -z "${storage[*]:-}" ] || return 0
  need buildah skopeo pgrep uv
  scripts/naive-image.sh --base
  base=$(dirname "$naive")/python-stand-in
  buildah_storage
  skopeo copy --quiet "oci:$base:latest" "containers-storage:[overlay@$work/root+$work/run]localhost/python:3.11"
  mkdir -m 700 "$work/uv"
  python3 scripts/naive-image/pip_settings.py "$work/pip"
  cp -L "$(command -v uv)" "$work/uv/program"
  uv_environment >"$work/uv/environment"
  cp "${XDG_CONFIG_HOME:-$HOME/.config}/uv/uv.toml" "$work/uv/" 2>/dev/null || true
  cp -r "$project" "$work/peer"
  python3 bench/lean/pins.py "$project/lightship.lock" >"$work/peer/pins.txt"
}

# What this machine tells uv, or else pip: where packages are, and whom to trust. For a shell to read.
uv_environment() {
  export -p | sed -n 's/^declare -x \(UV_[A-Z_]*=\)/export \1/p'
  python3 - "$work/pip/pip.conf" <<'PYTHON'
import configparser, os, shlex, sys
pip = configparser.RawConfigParser()
pip.read(sys.argv[1])
options = dict(pip["global"]) if pip.has_section("global") else {}
told = any(name in os.environ for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"))
names = {} if told else {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX"}
for option, variable in (names | {"cert": "SSL_CERT_FILE"}).items():
    if options.get(option):
        print(f"export {variable}={shlex.quote(' '.join(options[option].split()))}")
PYTHON
  echo "export UV_CONFIG_FILE=\$(ls /etc/xdg/uv/uv.toml 2>/dev/null)"
  # shellcheck disable=SC2016 # for the shell that reads it
  echo '[ -n "$UV_CONFIG_FILE" ] || unset UV_CONFIG_FILE'
}

# peer pip|uv: builds it, from what earlier calls left as buildah does.
peer() {
  buildah "${storage[@]}" build --isolation chroot --layers --pull-never \
    --volume "$work/pip:/etc/xdg/pip:ro" --volume "$work/uv:/etc/xdg/uv:ro" \
    -f "bench/lean/$1.Containerfile" -t "localhost/churn-$1" "$work/peer"
}

# Compresses its layers into the layout $work/layout-NAME, as a push to a registry does.
push_peer() {
  rm -rf "$work/layout-$1"
  buildah "${storage[@]}" push --quiet "localhost/churn-$1" "oci:$work/layout-$1:latest"
}

# Compressed bytes of an OCI layout's layers above those of the base.
above_base() {
  python3 - "$1" "$base" <<'PYTHON'
import json, pathlib, sys

def layers(layout):
    folder = pathlib.Path(layout)
    blob = lambda one: json.loads((folder / "blobs" / one["digest"].replace(":", "/")).read_text())
    return blob(json.loads((folder / "index.json").read_text())["manifests"][0])["layers"]

image, base = (layers(layout) for layout in sys.argv[1:3])
print(sum(layer["size"] for layer in image[len(base):]))
PYTHON
}
