"""Compiles the pipeline of a Python file with the SDK of the Python that runs this.

The answer is a file: whatever the pipeline's code prints is its own affair. Arguments: the pipeline's file, the folder
for the answer, and perhaps the name of the function that is meant.
"""

import importlib.util
import json
import os
import sys
import traceback

FILE, OUT = sys.argv[1:3]
FUNCTION = sys.argv[3] if len(sys.argv) > 3 else None


def answer(outcome, **more):
    """Say how it ended; a later answer replaces an earlier one."""
    part = os.path.join(OUT, "answer.part")
    with open(part, "w", encoding="utf-8") as file:
        json.dump(dict(more, outcome=outcome), file)
    os.replace(part, os.path.join(OUT, "answer.json"))


def sdk_version():
    """The SDK's version, or nothing where there is none."""
    try:
        from importlib.metadata import version

        return version("kfp")
    except Exception:
        return None


def load():
    """Import the file as `kfp dsl compile` does: by its own name, with its folder before all others."""
    folder, name = os.path.split(FILE)
    name = os.path.splitext(name)[0]
    # A file may be called as something that Python or the SDK has already.
    name = "pipeline_" + name if name in sys.modules else name
    sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(name, FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def named(module, kind):
    """Everything of a kind that the module has, each once, by name."""
    found = {}
    for name in dir(module):
        value = getattr(module, name)
        if isinstance(value, kind) and not any(value is known for known in found.values()):
            found[name] = value
    return found


def own(module, found):
    """Those that the file defines itself, where it defines some: pipelines that it imports are parts of its own."""
    here = {}
    for name, value in found.items():
        function = getattr(value, "pipeline_func", None) or getattr(value, "python_func", None)
        if getattr(function, "__module__", None) == module.__name__:
            here[name] = value
    return here or found


def choose(module):
    """The pipeline that is meant, or else a component; nothing, and an answer, where that cannot be told."""
    from kfp.dsl import base_component, graph_component

    components = named(module, base_component.BaseComponent)
    pipelines = {
        name: value for name, value in components.items() if isinstance(value, graph_component.GraphComponent)
    }
    if FUNCTION is not None:
        if FUNCTION in components:
            return components[FUNCTION]
        value = getattr(module, FUNCTION, None)
        if isinstance(value, base_component.BaseComponent):
            return value
    choices = own(module, pipelines or components)
    if FUNCTION is None and len(choices) == 1:
        return next(iter(choices.values()))
    choices = [{"function": name, "name": value.name} for name, value in choices.items()]
    outcome = "several" if FUNCTION is None else "unknown"
    answer("none" if not choices else outcome, choices=choices)
    return None


def raised(error):
    """What a person has to know of an exception: where the pipeline's own code was, and what it says."""
    frames = []
    for frame in traceback.extract_tb(error.__traceback__):
        if not frame.filename.startswith("<"):
            frames.append(place(frame.filename, frame.lineno, frame.name, frame.line))
    if isinstance(error, SyntaxError) and error.filename:
        frames.append(place(error.filename, error.lineno, None, (error.text or "").strip()))
        error.filename = None
        said = "%s: %s" % (type(error).__name__, error.msg)
    else:
        said = "".join(traceback.format_exception_only(type(error), error)).strip()
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    answer("raised", frames=frames, said=said, missing=missing)


def place(file, line, function, text):
    """A line of source."""
    return {"file": file, "line": line or 0, "function": function, "text": text or ""}


def main():
    """Compile, and answer."""
    # The pipeline's code may print; so may the SDK.
    os.dup2(2, 1)
    version = sdk_version()
    if version is None:
        return answer("absent")
    if int(version.split(".")[0]) < 2:
        return answer("old", version=version)
    answer("began")
    # As the last place: what `python -m` would see.
    sys.path[:] = [folder for folder in sys.path if folder] + [os.getcwd()]
    sys.argv[:] = [FILE]
    try:
        from kfp import compiler

        chosen = choose(load())
        if chosen is not None:
            package = os.path.join(OUT, "pipeline.yaml")
            compiler.Compiler().compile(pipeline_func=chosen, package_path=package)
            answer("compiled")
    except BaseException as error:
        raised(error)


main()
