#!/usr/bin/env python3
"""Writes the seeds that fuzzing starts from, beside itself: small, valid inputs of every dialect.

The archives come from Python's tarfile and from GNU tar, so that our own writer's habits are not all
that our reader sees. On one machine it always writes the same bytes; run it again after changing it,
and commit what it wrote. Needs GNU tar and zstd.
"""

import base64
import bz2
import gzip
import hashlib
import io
import json
import lzma
import marshal
import re
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path

import packages

HERE = Path(__file__).resolve().parent


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def dump(document) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def write(target: str, name: str, data: bytes) -> None:
    folder = HERE / target
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)


# ---- tar -------------------------------------------------------------------------------------------


def member(name: str, kind: bytes = tarfile.REGTYPE, **fields) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def tar(members, form: int, pax_headers=None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(
        fileobj=buffer, mode="w", format=form, pax_headers=pax_headers
    ) as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    # tarfile fills up to 10 KiB; two blocks of zeros are all that a reader needs.
    archive = buffer.getvalue().rstrip(b"\0")
    return archive + bytes(-len(archive) % 512 + 1024)


ORDINARY = [
    (member("etc", tarfile.DIRTYPE, mode=0o755), b""),
    (member("etc/passwd", mode=0o644, mtime=1_700_000_000), b"root:x:0:0::/:/bin/sh\n"),
    (member("etc/link", tarfile.SYMTYPE, linkname="../etc/passwd"), b""),
    (member("etc/hard", tarfile.LNKTYPE, linkname="etc/passwd"), b""),
    (member("dev/null", tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666), b""),
    (member("run/pipe", tarfile.FIFOTYPE), b""),
]

LONG = [
    (member("d" * 90 + "/" + "f" * 120, uid=5_000_000, gid=3_000_000), b"long name"),
    (member("short", tarfile.SYMTYPE, linkname="t" * 150), b""),
]

PAX = [
    (
        member(
            "caf\u00e9/\u6587\u5b57",
            mtime=1_700_000_000.25,
            uid=2**31,
            pax_headers={"SCHILY.xattr.user.note": "hello", "comment": "nothing"},
        ),
        b"x" * 600,
    ),
]

WHITEOUTS = [
    (member("opt", tarfile.DIRTYPE, mode=0o755), b""),
    (member("opt/.wh..wh..opq"), b""),
    (member("usr/lib/.wh.gone"), b""),
    (member("usr/lib/stays"), b"content"),
]


def sparse(*options: str) -> bytes:
    """What GNU tar makes of a file with holes; no other program here writes such archives."""
    with tempfile.TemporaryDirectory() as folder:
        with open(Path(folder) / "holes", "wb") as file:
            for at in (0, 65_536, 200_000):
                file.seek(at)
                file.write(b"data" * 16)
            file.truncate(300_000)
        command = [
            "tar", "--create", "--sparse", "--blocking-factor=1", "--directory", folder,
            "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--mode=0644",
            *options, "holes",
        ]
        return without_process_id(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def without_process_id(archive: bytes) -> bytes:
    """GNU tar puts its process id into the name that old readers see; a fixed one keeps seeds steady."""
    blocks = [archive[at : at + 512] for at in range(0, len(archive), 512)]
    for at, block in enumerate(blocks):
        name = re.match(rb"\./GNUSparseFile\.\d+/holes\0", block)
        if name:
            steady = b"./GNUSparseFile.1/holes".ljust(100, b"\0") + block[100:148] + b" " * 8 + block[156:]
            blocks[at] = steady[:148] + b"%06o\0 " % sum(steady) + steady[156:]
    return b"".join(blocks)


STEADY = "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime"


def tar_seeds() -> dict:
    posix = ["--format=posix", STEADY]
    return {
        "ustar.tar": tar(ORDINARY, tarfile.USTAR_FORMAT),
        "gnu.tar": tar(ORDINARY + LONG, tarfile.GNU_FORMAT),
        "pax.tar": tar(ORDINARY + LONG + PAX, tarfile.PAX_FORMAT),
        "pax-global.tar": tar(PAX, tarfile.PAX_FORMAT, {"mtime": "12.5", "comment": "for all"}),
        "whiteouts.tar": tar(WHITEOUTS, tarfile.USTAR_FORMAT),
        "sparse-gnu.tar": sparse("--format=gnu"),
        "sparse-0.0.tar": sparse("--sparse-version=0.0", *posix),
        "sparse-0.1.tar": sparse("--sparse-version=0.1", *posix),
        "sparse-1.0.tar": sparse("--sparse-version=1.0", *posix),
    }


# ---- layers ----------------------------------------------------------------------------------------

CLASHES = [
    (member("a/b", mode=0o644), b"first"),
    (member("a/b", mode=0o600), b"second, at the same path"),
    (member("link", tarfile.SYMTYPE, linkname="a"), b""),
    (member("link/through", mode=0o644), b"through a symbolic link"),
    (member("loop", tarfile.SYMTYPE, linkname="loop"), b""),
    (member("name", tarfile.LNKTYPE, linkname="a/b"), b""),
    (member("a", tarfile.SYMTYPE, linkname="/etc"), b""),
]


def layer_seeds() -> dict:
    plain = tar(ORDINARY + WHITEOUTS, tarfile.USTAR_FORMAT)
    zstd = subprocess.run(["zstd", "-3", "-c"], input=plain, check=True, stdout=subprocess.PIPE)
    return {
        "plain.tar": plain,
        "clashes.tar": tar(CLASHES, tarfile.USTAR_FORMAT),
        "layer.tar.gz": gzip.compress(plain, mtime=0),
        "two-members.tar.gz": gzip.compress(plain[:700], mtime=0) + gzip.compress(plain[700:], mtime=0),
        "layer.tar.zst": zstd.stdout,
        "layer.tar.xz": lzma.compress(plain),
        "layer.tar.bz2": bz2.compress(plain),
    }


# ---- manifests and configs -------------------------------------------------------------------------

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."


def pointer(media_type: str, data: bytes, /, **more) -> dict:
    return {"mediaType": media_type, "digest": digest(data), "size": len(data), **more}


def configs() -> dict:
    diff_ids = [digest(b"one"), digest(b"two")]
    oci = {
        "created": "2024-05-01T12:00:00Z",
        "architecture": "arm64",
        "variant": "v8",
        "os": "linux",
        "config": {
            "User": "1000:1000",
            "Env": ["PATH=/usr/bin", "EMPTY="],
            "Entrypoint": ["/bin/app"],
            "Cmd": ["--help"],
            "WorkingDir": "/app",
            "Labels": {"org.opencontainers.image.base.name": "base:1"},
            "ExposedPorts": {"80/tcp": {}},
        },
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [
            {"created_by": "/bin/sh -c #(nop) ADD file:1 in / "},
            {"created_by": '/bin/sh -c #(nop)  CMD ["sh"]', "empty_layer": True},
            {"created_by": "RUN |1 V=2 /bin/sh -c make # buildkit", "comment": "buildkit.dockerfile.v0"},
        ],
    }
    docker = {
        "architecture": "amd64",
        "os": "linux",
        "docker_version": "20.10",
        "container_config": {"Cmd": None},
        "config": {"Env": None, "Cmd": None, "Labels": None, "Healthcheck": {"Test": ["NONE"]}},
        "rootfs": {"type": "layers", "diff_ids": None},
        "history": None,
    }
    return {"oci.json": dump(oci), "docker.json": dump(docker), "empty.json": b"{}"}


def manifests() -> dict:
    config = configs()["oci.json"]
    platform = {"architecture": "arm64", "os": "linux", "variant": "v8"}
    oci = {
        "schemaVersion": 2,
        "mediaType": OCI + "manifest.v1+json",
        "config": pointer(OCI + "config.v1+json", config),
        "layers": [
            pointer(OCI + "layer.v1.tar+gzip", b"one"),
            pointer(OCI + "layer.v1.tar+zstd", b"two", urls=["https://example.org/x"]),
        ],
        "subject": pointer(OCI + "manifest.v1+json", b"subject"),
        "annotations": {"org.opencontainers.image.base.digest": digest(b"base")},
    }
    docker = {
        "schemaVersion": 2,
        "mediaType": DOCKER + "distribution.manifest.v2+json",
        "config": pointer(DOCKER + "container.image.v1+json", config),
        "layers": [pointer(DOCKER + "image.rootfs.diff.tar.gzip", b"one")],
    }
    artifact = {
        "schemaVersion": 2,
        "mediaType": OCI + "manifest.v1+json",
        "artifactType": "application/vnd.example.sbom",
        "config": pointer("application/vnd.oci.empty.v1+json", b"{}", data="e30="),
        "layers": [],
    }
    index = {
        "schemaVersion": 2,
        "mediaType": OCI + "index.v1+json",
        "manifests": [
            pointer(OCI + "manifest.v1+json", dump(oci), platform=platform),
            pointer(OCI + "manifest.v1+json", b"x", annotations={"vnd.docker.reference.type": "attestation-manifest"}),
        ],
        "future": [1, 2.5, None, {"a": "\u00e9"}],
    }
    return {
        "oci.json": dump(oci),
        "docker.json": dump(docker),
        "artifact.json": dump(artifact),
        "index.json": dump(index),
    }


# ---- archives of images ----------------------------------------------------------------------------


def archive(files: dict) -> bytes:
    """A tar of these files; a value that is text is where a symbolic link points."""
    members = []
    for name, content in files.items():
        if isinstance(content, str):
            members.append((member(name, tarfile.SYMTYPE, linkname=content), b""))
        else:
            members.append((member(name, mode=0o644), content))
    return tar(members, tarfile.USTAR_FORMAT)


def archives() -> dict:
    layers = [
        tar([(member("a", mode=0o644), b"first")], tarfile.USTAR_FORMAT),
        tar([(member(".wh.a"), b""), (member("b"), b"second")], tarfile.USTAR_FORMAT),
    ]
    config = dump(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["/b"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
            "history": [{"created_by": "COPY a /"}, {"created_by": "RUN mv a b"}],
        }
    )
    ids = [hashlib.sha256(b"id" + layer).hexdigest() for layer in layers]
    repositories = dump({"churn": {"latest": ids[1]}})

    # Docker before 1.10: a chain of folders, each with a config of its own.
    old = {}
    for number, layer in enumerate(layers):
        own = {"id": ids[number], "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/b"]}}
        if number:
            own["parent"] = ids[number - 1]
        old |= {f"{ids[number]}/VERSION": b"1.0", f"{ids[number]}/json": dump(own)}
        old[f"{ids[number]}/layer.tar"] = layer
    old["repositories"] = repositories

    # Docker 1.10 to 24: the same folders, and a manifest beside a real config.
    name = hashlib.sha256(config).hexdigest() + ".json"
    saved = [{"Config": name, "RepoTags": ["churn:latest"], "Layers": [f"{id}/layer.tar" for id in ids]}]
    middle = {name: config, **old, "manifest.json": dump(saved)}

    # A layout, and Docker from 25: a layout with a manifest.json.
    blob = lambda data: "blobs/sha256/" + hashlib.sha256(data).hexdigest()
    manifest = dump(
        {
            "schemaVersion": 2,
            "mediaType": OCI + "manifest.v1+json",
            "config": pointer(OCI + "config.v1+json", config),
            "layers": [pointer(OCI + "layer.v1.tar", layer) for layer in layers],
        }
    )
    named = {"org.opencontainers.image.ref.name": "latest"}
    index = {
        "schemaVersion": 2,
        "manifests": [pointer(OCI + "manifest.v1+json", manifest, annotations=named)],
    }
    layout = {
        "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
        "index.json": dump(index),
        **{blob(data): data for data in [manifest, config, *layers]},
    }
    saved = [{"Config": blob(config), "RepoTags": ["churn:latest"], "Layers": [blob(layer) for layer in layers]}]
    linked = {**middle, f"{ids[1]}/layer.tar": f"../{ids[0]}/layer.tar"}
    return {
        "docker-1.9.tar": archive(old),
        "docker-24.tar": archive(middle),
        "docker-25.tar": archive({**layout, "manifest.json": dump(saved)}),
        "docker-linked.tar": archive(linked),
        "oci.tar": archive(layout),
        "oci.tar.gz": gzip.compress(archive(layout), mtime=0),
    }


# ---- wheel -----------------------------------------------------------------------------------------


def wheel(files: dict[str, bytes], method: int) -> bytes:
    info = "demo_pkg-1.0.dist-info"
    files = {
        "demo_pkg/__init__.py": b"def main():\n    return 0\n",
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: demo-pkg\nVersion: 1.0\nRequires-Dist: a>=1\n\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        **files,
    }
    record = ""
    for name, data in files.items():
        row = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={row},{len(data)}\n"
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as packed:
        for name, data in files.items():
            member = zipfile.ZipInfo(name)
            member.compress_type = method
            member.external_attr = 0o100644 << 16
            packed.writestr(member, data)
    return out.getvalue()


def wheels() -> dict[str, bytes]:
    points = b"[console_scripts]\ndemo = demo_pkg:main\n"
    rich = {
        "demo_pkg-1.0.data/scripts/run": b"#!python\nprint()\n",
        "demo_pkg-1.0.data/data/share/demo": b"{}",
        "demo_pkg-1.0.data/headers/demo.h": b"",
        "demo_pkg-1.0.dist-info/entry_points.txt": points,
    }
    return {
        "plain.whl": wheel({}, zipfile.ZIP_STORED),
        "rich.whl": wheel(rich, zipfile.ZIP_STORED),
        "deflated.whl": wheel(rich, zipfile.ZIP_DEFLATED),
    }


# ---- Byte code -------------------------------------------------------------------------------------


def codes() -> dict[str, bytes]:
    """Code of this machine's Python. It is the one thing here that another Python writes differently."""
    constants = "x = (None, True, ..., -1, 1 << 70, 1.5, 2j, b'y', 'é', '*', 'a b', (1, (2, 3)))\n"
    calls = "from os import *\nasync def f(a, *b, c=1, **d):\n    return [lambda: a + b for x in d if x in {'k', 'l'}]\n"
    return {
        "constants": marshal.dumps(compile(constants, "constants.py", "exec")),
        "calls": marshal.dumps(compile(calls, "calls.py", "exec")),
    }


if __name__ == "__main__":
    everything = {
        "tar": tar_seeds(),
        "layer": layer_seeds(),
        "manifest": manifests(),
        "config": configs(),
        "archive": archives(),
        "wheel": wheels(),
        "marshal": codes(),
        **packages.SEEDS,
    }
    for target, seeds in everything.items():
        for name, data in seeds.items():
            write(target, name, data)
