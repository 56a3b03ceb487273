"""Writes ten projects that share half of their packages, and one that needs all of them.

Usage: sharing.py LIGHTSHIP.LOCK FOLDER

The packages are the lock's, with what they need; which project has which depends on their names alone.
Prints how many packages each project has, and how many there are in all.
"""

from __future__ import annotations

import hashlib
import sys
import tomllib
from pathlib import Path

# What the ten share, with all that it needs.
SHARED = ["pandas", "scikit-learn", "pyarrow", "requests"]


def closure(name: str, depends: dict[str, list[str]]) -> set[str]:
    """A distribution and all that it needs."""
    found, waiting = set(), [name]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += depends[one]
    return found


def choose(number: int, shared: set[str], depends: dict[str, list[str]]) -> set[str]:
    """As many packages again as are shared, from a list in the project's own order."""
    chosen = set(shared)
    for name in sorted(depends, key=lambda name: hashlib.sha256(f"{number} {name}".encode()).digest()):
        more = chosen | closure(name, depends)
        if len(more) <= 2 * len(shared):
            chosen = more
    return chosen


def write(folder: Path, packages: set[str], versions: dict[str, str]) -> None:
    """A project that uses what the ten share."""
    folder.mkdir(parents=True)
    lines = [f"{name}=={versions[name]}" for name in sorted(packages)]
    (folder / "requirements.txt").write_text("\n".join([*lines, ""]), encoding="utf-8")
    program = f"import pandas, pyarrow, requests, sklearn.linear_model\n\nprint({folder.name!r}, pandas.__version__)\n"
    (folder / "main.py").write_text(program, encoding="utf-8")


def main(lock_file: str, folder: Path) -> None:
    """Write all eleven."""
    lock = tomllib.loads(Path(lock_file).read_text(encoding="utf-8"))
    entries = [*lock["wheel"], *lock.get("sdist", [])]
    versions = {one["name"]: one["version"] for one in entries}
    depends = {one["name"]: one.get("depends", []) for one in entries}
    shared = set().union(*(closure(name, depends) for name in SHARED))
    projects = [choose(number, shared, depends) for number in range(10)]
    for number, packages in enumerate(projects):
        write(folder / f"project{number}", packages, versions)
    union = set().union(*projects)
    write(folder / "union", union, versions)
    print(f"{len(shared)} shared packages, {len(projects[0])} in each project, {len(union)} in all")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
