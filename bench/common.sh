# Functions that benches share; to be sourced.
# shellcheck shell=bash

# The churn example's naive image, or its smaller sister; fails with what to do.
naive_layout() {
  local naive=${LIGHTSHIP_NAIVE_IMAGE:-$HOME/.cache/lightship-dev/churn-naive} candidate
  for candidate in "$naive" "$naive-small"; do
    if [ -f "$candidate/index.json" ]; then
      echo "$candidate"
      return
    fi
  done
  echo "bench: no image to measure on; run scripts/naive-image.sh, or name a layout" >&2
  return 1
}

# Runs a command, throws its output away, prints the most memory it held, in MB.
peak_megabytes() {
  python3 - "$@" <<'PYTHON'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6))
PYTHON
}

ratio() { python3 -c 'import sys; print(f"{float(sys.argv[1]) / float(sys.argv[2]):.2f}")' "$1" "$2"; }

# An OCI layout at $1 with three gzip layers of files of 1 MB, $2 MB in all; half of each is random, so
# that it compresses about as well as software does.
synthetic_layout() {
  python3 - "$1" "$2" <<'PYTHON'
import gzip, hashlib, io, json, os, pathlib, random, sys, tarfile

folder, megabytes = pathlib.Path(sys.argv[1]), int(sys.argv[2])
blobs = folder / "blobs" / "sha256"
blobs.mkdir(parents=True)
noise = random.Random(7).randbytes(500_000)

def blob(data: bytes) -> dict:
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}

def layer(number: int) -> tuple[dict, str]:
    path = folder / "layer"
    diff = hashlib.sha256()
    class Tee(io.RawIOBase):
        def __init__(self, out): self.out = out
        def writable(self): return True
        def write(self, data): diff.update(data); return self.out.write(data)
    with open(path, "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1, mtime=0) as packed:
        with tarfile.open(fileobj=Tee(packed), mode="w|", format=tarfile.PAX_FORMAT) as tar:
            for at in range(megabytes // 3):
                entry = tarfile.TarInfo(f"layer{number}/file{at}")
                entry.size = 1_000_000
                head = f"{number}/{at}".encode().ljust(16)
                tar.addfile(entry, io.BytesIO(head + noise + bytes(499_984)))
    digest = hashlib.file_digest(open(path, "rb"), "sha256").hexdigest()
    size = path.stat().st_size
    os.rename(path, blobs / digest)
    return {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": f"sha256:{digest}", "size": size}, f"sha256:{diff.hexdigest()}"

layers, diff_ids = zip(*(layer(number) for number in range(3)))
config = blob(json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode())
manifest = blob(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config}, "layers": layers}).encode())
(folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
(folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [
    {"mediaType": "application/vnd.oci.image.manifest.v1+json", **manifest}]}))
PYTHON
}
