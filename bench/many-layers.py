#!/usr/bin/env python3
"""Writes an OCI layout of a static busybox in N layers: bench/many-layers.py BUSYBOX N FOLDER."""

import hashlib
import io
import json
import pathlib
import platform
import sys
import tarfile


def main(busybox: str, layers: int, folder: pathlib.Path) -> None:
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(kind: str, data: bytes) -> dict:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}

    program = pathlib.Path(busybox).read_bytes()
    stack = [put("application/vnd.oci.image.layer.v1.tar", layer(program, n)) for n in range(layers)]
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    config = {
        "architecture": machine,
        "os": "linux",
        "config": {"Cmd": ["/bin/true"]},
        "rootfs": {"type": "layers", "diff_ids": [one["digest"] for one in stack]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": put("application/vnd.oci.image.config.v1+json", json.dumps(config).encode()),
        "layers": stack,
    }
    top = put(manifest["mediaType"], json.dumps(manifest).encode())
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def layer(program: bytes, number: int) -> bytes:
    """The first brings the program, the others a folder of ten small files each."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:

        def add(name: str, kind: bytes, mode: int, data: bytes = b"") -> None:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.size = kind, mode, len(data)
            tar.addfile(entry, io.BytesIO(data))

        if number == 0:
            add("bin", tarfile.DIRTYPE, 0o755)
            add("bin/true", tarfile.REGTYPE, 0o755, program)
        add("layers", tarfile.DIRTYPE, 0o755)
        add(f"layers/{number}", tarfile.DIRTYPE, 0o755)
        for file in range(10):
            add(f"layers/{number}/{file}", tarfile.REGTYPE, 0o644, b"%d in %d\n" % (file, number))
    return buffer.getvalue()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3]))
