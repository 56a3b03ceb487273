"""Tries to import modules, each in a process of its own; the same file runs in an image and outside of one.

    imports.py list           the top-level modules of every installed distribution, as a JSON list
    imports.py try NAMES      a JSON object: "fine", or the exception, for each name of a JSON list

A folder that several distributions share (`google`) is no module of any one of them: those in it are.
"""

import csv
import importlib
import importlib.machinery
import importlib.metadata
import json
import os
import select
import signal
import sys

ENDINGS = sorted([*importlib.machinery.EXTENSION_SUFFIXES, ".py"], key=len, reverse=True)
# No import of a healthy module takes that long, not even without byte code on a busy machine.
SECONDS = 90
# What fits into a pipe at once.
LONGEST = 4000


def module_of(path: str) -> tuple[str, ...]:
    """The names that lead to the module in a file of a RECORD; nothing for files that are none."""
    *folders, name = path.split("/")
    stem = next((name.removesuffix(end) for end in ENDINGS if name.endswith(end)), "")
    parts = folders if stem == "__init__" else [*folders, stem]
    return tuple(parts) if all(part and not set(part) & set(".-") for part in parts) else ()


def top_level() -> list[str]:
    """The first module of its distribution on the way to each of its files."""
    tops = set()
    for distribution in importlib.metadata.distributions():
        paths = [row[0] for row in csv.reader((distribution.read_text("RECORD") or "").splitlines())]
        packages = {module_of(path) for path in paths if path.endswith("/__init__.py")}
        for module in filter(None, map(module_of, paths)):
            ways = (module[: at + 1] for at in range(len(module)))
            tops.add(".".join(next((way for way in ways if way in packages), module)))
    return sorted(tops)


def outcome(name: str) -> str:
    """What an import comes to, in words that do not depend on where packages are."""
    try:
        importlib.import_module(name)
    except BaseException as error:
        text = f"{type(error).__name__}: {error}"
        for place in {str(one.locate_file("")) for one in importlib.metadata.distributions()}:
            text = text.replace(place, "SITE")
        return text.replace(sys.prefix, "PREFIX")
    return "fine"


def start(name: str) -> tuple[int, int]:
    """Begins an import: where its outcome will be read, and its process."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(quiet, stream)
        signal.alarm(SECONDS)
        os.write(writing, outcome(name).encode()[:LONGEST])
        os._exit(0)
    os.close(writing)
    return reading, process


def attempt(names: list[str]) -> dict[str, str]:
    """Imports all of them, as many at once as there are processors."""
    outcomes, running, waiting = {}, {}, list(names)
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            name = waiting.pop()
            reading, process = start(name)
            running[reading] = name, process
        for reading in select.select(list(running), [], [])[0]:
            name, process = running.pop(reading)
            said = os.read(reading, LONGEST).decode()
            os.close(reading)
            _, status = os.waitpid(process, 0)
            outcomes[name] = said or f"died: {os.waitstatus_to_exitcode(status)}"
    return outcomes


print(json.dumps(top_level() if sys.argv[1] == "list" else attempt(json.loads(sys.argv[2]))))
