"""Seeds for the readers of packages, locks and package indexes; make.py writes them."""

import base64
import gzip
import hashlib
import io
import lzma
import struct
import tarfile


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# ---- Debian packages -------------------------------------------------------------------------------


def tar(members: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue().rstrip(b"\0") + bytes(1024)


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, target, mode
    return info


def ar(members: dict[str, bytes]) -> bytes:
    out = b"!<arch>\n"
    for name, data in members.items():
        head = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n"
        out += head.encode() + data + b"\n" * (len(data) % 2)
    return out


CONTROL = """Package: demo
Source: demo-source (1:0.9-1)
Version: 1:1.0-2+b1
Architecture: amd64
Maintainer: Nobody <nobody@mirror.invalid>
Depends: libc6 (>= 2.34), mta | mail-agent
Provides: other (= 1.0)
Description: a demo
 in two lines
"""


def debs() -> dict[str, bytes]:
    scripts = [
        (member("./control"), CONTROL.encode()),
        (member("./md5sums"), b"d41d8cd98f00b204e9800998ecf8427e  usr/bin/demo\n"),
        (member("./conffiles"), b"/etc/demo\n"),
        (member("./postinst", mode=0o755), b"#!/bin/sh\nldconfig\n"),
    ]
    files = [
        (member("./", tarfile.DIRTYPE, mode=0o755), b""),
        (member("./usr/bin/demo", mode=0o4755), b"#!/bin/sh\n"),
        (member("./usr/bin/again", tarfile.SYMTYPE, "demo"), b""),
        (member("./usr/bin/hard", tarfile.LNKTYPE, "./usr/bin/demo"), b""),
        (member("./etc/" + "long" * 40), b"a=1\n"),
    ]
    control, data = tar(scripts), tar(files)
    version = {"debian-binary": b"2.0\n"}
    packed = lambda bytes_: gzip.compress(bytes_, mtime=0)
    return {
        "plain.deb": ar(version | {"control.tar": control, "data.tar": data}),
        "gzip.deb": ar(version | {"control.tar.gz": packed(control), "data.tar.gz": packed(data)}),
        "xz.deb": ar(version | {"control.tar.xz": lzma.compress(control), "data.tar.xz": lzma.compress(data)}),
    }


# ---- ELF -------------------------------------------------------------------------------------------


def elf(*, wide: bool = True, order: str = "<", sections: bool = True) -> bytes:
    """A shared library: one segment with what it needs, and a section for debuggers behind it."""
    strings = b"\0libc.so.6\0$ORIGIN/../lib\0libdemo.so.1\0"
    word, header, entry = ("Q", 64, 56) if wide else ("I", 52, 32)
    tags = [(1, 1), (29, 11), (14, 26), (5, 0), (10, len(strings)), (0, 0)]
    size = struct.calcsize(order + 2 * word)
    start = header + 3 * entry
    at_strings = start + size * len(tags)
    interpreter = at_strings + len(strings)
    name = b"/lib64/ld-linux-x86-64.so.2\0"
    end = interpreter + len(name)
    tags[3] = (5, at_strings)
    dynamic = b"".join(struct.pack(order + 2 * word, *tag) for tag in tags)
    names = b"\0.debug_info\0.shstrtab\0"
    debug = b"d" * 200
    at_sections = end + len(debug) + len(names)

    def segment(kind: int, offset: int, length: int) -> bytes:
        if wide:
            return struct.pack(order + "IIQQQQQQ", kind, 5, offset, offset, offset, length, length, 4096)
        return struct.pack(order + "IIIIIIII", kind, offset, offset, offset, length, length, 5, 4096)

    def section(name: int, kind: int, offset: int, length: int) -> bytes:
        return struct.pack(order + "II" + 4 * word + "II" + 2 * word, name, kind, 0, 0, offset, length, 0, 0, 1, 0)

    ident = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    table = (at_sections, 3, 2) if sections else (0, 0, 0)
    size_of_section = 64 if wide else 40
    head = struct.pack(order + "HHI" + 3 * word + "IHHHHHH", 3, 62 if wide else 3, 1, 0, header, table[0], 0,
                       header, entry, 3, size_of_section, *table[1:])
    segments = segment(1, 0, end) + segment(2, start, len(dynamic)) + segment(3, interpreter, len(name))
    loaded = ident + head + segments + dynamic + strings + name
    if not sections:
        return loaded
    headers = section(0, 0, 0, 0) + section(1, 1, end, len(debug)) + section(13, 3, end + len(debug), len(names))
    return loaded + debug + names + headers


def elves() -> dict[str, bytes]:
    return {
        "library": elf(),
        "lean": elf(sections=False),
        "narrow": elf(wide=False),
        "big-endian": elf(wide=False, order=">"),
    }


# ---- locks -----------------------------------------------------------------------------------------

LOCK = f'''version = 1
platforms = ["linux/amd64", "linux/arm64"]

[inputs]
python = "3.11"
"requirements.txt" = "sha256:{digest("inputs")}"

[python]
implementation = "cpython"
version = "3.11.2"
chosen = "`.python-version` says 3.11"

[suite]
distribution = "debian"
codename = "bookworm"
version = "12"

[[deb]]
name = "libc6"
version = "1:2.36-9+deb12u1"
architecture = "amd64"
file = "pool/main/g/glibc/libc6_2.36_amd64.deb"
sha256 = "sha256:{digest("deb")}"
size = 12
archive = "Debian"
reason = "python3.11 needs it"
platforms = ["linux/amd64"]

[[wheel]]
name = "demo"
version = "1.0+cpu"
file = "demo-1.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"
sha256 = "sha256:{digest("wheel")}"
size = 3
index = "cpu"
depends = ["api"]

[[sdist]]
name = "api"
version = "2.17.3"
file = "api-2.17.3.tar.gz"
sha256 = "sha256:{digest("sdist")}"
build = [
    {{ name = "setuptools", version = "80.9.0", file = "setuptools-80.9.0-py3-none-any.whl", sha256 = "sha256:{digest("build")}" }},
]
built = {{ file = "api-2.17.3-py3-none-any.whl", sha256 = "sha256:{digest("built")}", size = 402177 }}
'''

PYLOCK = f'''lock-version = "1.0"
created-by = "uv"
requires-python = ">=3.11"

[[packages]]
name = "demo"
version = "1.0"
marker = "python_version >= '3.8' and sys_platform == 'linux'"
index = "https://mirror.invalid/simple"
dependencies = [{{ name = "api" }}]
wheels = [{{ url = "https://mirror.invalid/demo-1.0-py3-none-any.whl", size = 3, hashes = {{ sha256 = "{digest("wheel")}" }} }}]

[[packages]]
name = "api"
version = "2.0"
sdist = {{ url = "https://mirror.invalid/api-2.0.tar.gz", hashes = {{ sha256 = "{digest("sdist")}" }} }}

[[packages]]
name = "here"
directory = {{ path = ".", editable = true }}

[[packages]]
name = "far"
vcs = {{ type = "git", url = "https://mirror.invalid/far.git", commit-id = "{"0" * 40}" }}

[[packages]]
name = "file"
archive = {{ url = "https://mirror.invalid/file-1.0.zip", hashes = {{ sha256 = "{digest("file")}" }} }}
'''


# ---- apt -------------------------------------------------------------------------------------------


def stanza(name: str, more: str) -> str:
    return (
        f"Package: {name}\nVersion: 1:2.0-1~bpo1+b2\nArchitecture: amd64\nMulti-Arch: same\n{more}"
        f"Filename: pool/main/{name[0]}/{name}/{name}_2.0_amd64.deb\nSize: 42\nSHA256: {digest(name)}\n\n"
    )


INDEX = (
    stanza("app", "Depends: lib (>= 1:1.5), mta | agent:any, gone | virtual (= 3)\nPre-Depends: base\n")
    + stanza("lib", "Source: libs (1.0)\nConflicts: old (<< 2)\nBreaks: older\nReplaces: older\n")
    + stanza("agent", "Provides: mta, virtual (= 3)\nDepends: app\n")
    + stanza("base", "Essential: yes\nPriority: required\nTag: a,\n b\n")
)

RELEASE = f"""Origin: Debian
Label: Debian
Suite: stable
Version: 12.5
Codename: bookworm
Date: Sat, 10 Feb 2024 11:07:25 UTC
Valid-Until: Sat, 17 Feb 2024 11:07:25 UTC
Acquire-By-Hash: yes
Architectures: all amd64 arm64
Components: main contrib
SHA256:
 {digest("packages")} 12345 main/binary-amd64/Packages
 {digest("packed")} 123 main/binary-amd64/Packages.xz
"""

# A key that was made for this file, and what it signed.
SIGNED = """-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

Origin: Debian
Suite: stable
Codename: bookworm
Date: Mon, 01 Jan 2024 00:00:00 UTC
-----BEGIN PGP SIGNATURE-----

iHUEARYIAB0WIQSAYdy0vGLUyo8JT974Ak6/Jdd2ZwUCZZIAgAAKCRD4Ak6/Jdd2
Z8LvAQDvsQ2eU01dLiUTdPcYPxquqDTAOP2OqjlrZL613tzb1QEAudVX3praxxAe
N/7sc/+7hF9htEur7nFlQXyDVIP9RAQ=
=zSqp
-----END PGP SIGNATURE-----
"""
KEY = """mDMEZZIAgBYJKwYBBAHaRw8BAQdAmKvd5zjDt+OBGilQvF8Gsr5ttwX0EiDmvUkg
KNGAT9+0GnNlZWQgPHNlZWRAbWlycm9yLmludmFsaWQ+iJAEExYIADgWIQSAYdy0
vGLUyo8JT974Ak6/Jdd2ZwUCZZIAgAIbAwULCQgHAgYVCgkICwIEFgIDAQIeAQIX
gAAKCRD4Ak6/Jdd2Z0gDAPwNl5oV3dwtXxP0f7Udr5RZFbMU15rpm56kAb4EqKKI
PQEAl69Hq/f3eRWpuwCw/L2gihsvoRF40ZDIOVh5kPuY2AU=
"""
ARMOURED = f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{KEY}=IIsX\n-----END PGP PUBLIC KEY BLOCK-----\n"

SOURCES = {
    "one-line": "deb [arch=amd64,arm64 signed-by=/usr/share/keyrings/a.gpg] http://mirror.invalid/debian bookworm main\n"
    "deb-src http://mirror.invalid/debian bookworm main # a comment\ndeb file:///srv/flat ./\n",
    "deb822": "Types: deb deb-src\nURIs: http://mirror.invalid/debian https://mirror.invalid/other/\n"
    "Suites: bookworm bookworm-updates\nComponents: main contrib\nEnabled: yes\nSigned-By:\n"
    + "".join(f" {line or '.'}\n" for line in ARMOURED.splitlines()),
    "depends": "libc6 (>= 2.34), mta | agent:any (<< 1:3~), python3:amd64 (= 3.11.2-1+b1) [!hurd-any] <!nocheck>",
    "version": "1:2.36-9+deb12u10~bpo1",
}


def text(seeds: dict[str, str]) -> dict[str, bytes]:
    return {name: content.encode() for name, content in seeds.items()}


SEEDS = {
    "deb": debs(),
    "elf": elves(),
    "lock": text({"lightship.lock": LOCK}),
    "pylock": text({"pylock.toml": PYLOCK}),
    "apt_index": text({"Packages": INDEX}),
    "apt_release": text({"Release": RELEASE, "InRelease": SIGNED, "key.asc": ARMOURED})
    | {"key.gpg": base64.b64decode(KEY)},
    "apt_sources": text(SOURCES),
}
