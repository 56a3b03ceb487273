"""Holds the Python packages of this image against what an installer put into the folder TARGET. Prints, as
JSON, both lists of packages, what the image has less by category, and everything else that differs.

    installed.py TARGET
"""

import base64
import csv
import hashlib
import importlib.metadata
import json
import os
import struct
import sys
from pathlib import Path

TARGET = Path(sys.argv[1])
# The scheme `posix_local` of Debian's Python.
SITE = Path(sys.prefix) / f"local/lib/python3.{sys.version_info.minor}/dist-packages"
LOCAL = Path(sys.prefix) / "local"

# What every installer writes itself, and each in its own way; the last is uv's alone, as is its `.lock`.
INSTALLERS = {"INSTALLER", "RECORD", "REQUESTED", "uv_build.json"}
KINDS = {
    "stubs": {"pyi"},
    "headers": {"h", "hh", "hpp", "hxx", "cuh", "inl", "ipp"},
    "static-libraries": {"a", "lib"},
    "cython": {"pyx", "pxd", "pxi", "c", "cpp", "cc", "cxx"},
    "other-platforms": {"dll", "dylib", "exe", "pyd"},
    "source-maps": {"map"},
    "bytecode": {"pyc"},
}


def category(path: Path) -> str:
    """What kind of file may be left out, by its name; the first that fits."""
    if {"tests", "test"} & set(path.parts[:-1]):
        return "tests"
    ending = path.name.rpartition(".")[2]
    by_name = (name for name, endings in KINDS.items() if ending in endings)
    return next(by_name, "docs" if path.parts[0] == "share" else "")


def is_cut(whole: bytes, cut: bytes) -> bool:
    """Whether a file is another one as the loader sees it, with nothing but zeros in between (ELF-64, little-
    endian): only the header's fields that lead to sections may differ."""
    if whole[:6] != b"\x7fELF\x02\x01" or len(cut) > len(whole):
        return False

    def mapped(file: bytes) -> list[bytes]:
        header = bytearray(file[:64])
        header[0x28:0x30], header[0x3A:0x40] = bytes(8), bytes(6)
        at, (size, count) = struct.unpack_from("<Q", file, 0x20)[0], struct.unpack_from("<HH", file, 0x36)
        parts = [bytes(header), file[at : at + size * count]]
        for n in range(count):
            kind, _, offset, _, _, length = struct.unpack_from("<IIQQQQ", file, at + n * size)
            if kind == 1:
                parts.append(file[max(offset, 64) : offset + length])
        return parts

    return mapped(whole) == mapped(cut)


def image_path(path: Path) -> Path:
    """Where a file of TARGET is in the image."""
    return (LOCAL if path.parts[0] in ("bin", "share") else SITE) / path


def packages(folder: Path) -> dict[str, str]:
    """Names and versions."""
    found = importlib.metadata.distributions(path=[str(folder)])
    return {one.metadata["Name"]: one.version for one in found}


def files(folder: Path) -> list[Path]:
    """All files below a folder, relative to it."""
    walked = ((Path(at), names) for at, _, names in os.walk(folder))
    return sorted((at / name).relative_to(folder) for at, names in walked for name in names)


def compare() -> tuple[dict[str, list[int]], list[str]]:
    """Files and bytes left out by category, and what else differs."""
    left_out, other = {}, []

    def less(kind: str, size: int) -> None:
        count = left_out.setdefault(kind, [0, 0])
        count[0] += 1
        count[1] += size

    for path in files(TARGET):
        here, there = image_path(path), TARGET / path
        if path.name == ".lock" or (path.name in INSTALLERS and ".dist-info" in path.parts[0]):
            continue
        if not here.exists():
            if kind := category(path):
                less(kind, there.stat().st_size)
            else:
                other.append(f"{path} is missing")
        elif path.parts[0] != "bin":
            # (Commands are written by installers as well: each names its interpreter.)
            whole, own = there.read_bytes(), here.read_bytes()
            if whole != own:
                if is_cut(whole, own):
                    less("debug", len(whole) - len(own))
                else:
                    other.append(f"{path} is another file")
    extra = (path for path in files(SITE) if path.suffix != ".pyc" and not (TARGET / path).exists())
    other.extend(f"{path} is not the packages'" for path in extra)
    return left_out, other


def false_records() -> list[str]:
    """Rows of a RECORD that do not say what is there."""
    false = []
    for one in importlib.metadata.distributions(path=[str(SITE)]):
        for path, digest, size in csv.reader(one.read_text("RECORD").splitlines()):
            place = Path(one.locate_file(path))
            if not place.exists():
                false.append(f"{path} is listed")
            elif digest:
                kind, value = digest.split("=", 1)
                content = place.read_bytes()
                own = base64.urlsafe_b64encode(hashlib.new(kind, content).digest()).rstrip(b"=").decode()
                if own != value or len(content) != int(size):
                    false.append(f"{path} has another digest")
    return false


less_by_category, differences = compare()
print(
    json.dumps(
        {
            "image": packages(SITE),
            "target": packages(TARGET),
            "left_out": less_by_category,
            "other": differences,
            "false_records": false_records(),
        }
    )
)
