"""Prints a lock's Python distributions as requirements with digests: the very files that the image has.

Usage: pins.py LIGHTSHIP.LOCK
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

lock = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
for one in [*lock.get("wheel", []), *lock.get("sdist", [])]:
    print(f"{one['name']}=={one['version']} --hash={one['sha256']}")
