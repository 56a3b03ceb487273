"""Runs pipelines with the SDK's own local runner, and says what came of them.

Arguments: the pipelines' file, a folder to work in, and a JSON list of functions with their arguments. Each gives a
line of JSON: its function, whether it succeeded, and its outputs; of an artifact the digest of its bytes, and metadata.
"""

import hashlib
import importlib
import json
import os
import sys
import traceback

from kfp import local
from kfp.dsl import Artifact


def content(path):
    """Names and bytes of a file, or of all that is below a folder."""
    if os.path.isfile(path):
        return {"": hashlib.sha256(open(path, "rb").read()).hexdigest()}
    found = {}
    for folder, _, names in os.walk(path):
        for name in names:
            file = os.path.join(folder, name)
            found[os.path.relpath(file, path)] = hashlib.sha256(open(file, "rb").read()).hexdigest()
    return found


def shown(value):
    """A value as JSON."""
    if isinstance(value, Artifact):
        return {"content": content(value.path), "metadata": dict(value.metadata)}
    if isinstance(value, list) and any(isinstance(one, Artifact) for one in value):
        return [shown(one) for one in value]
    return value


def main():
    """All of them, one after another."""
    file, folder, wanted = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    sys.path.insert(0, os.path.dirname(file))
    os.dup2(1, 3)
    os.dup2(2, 1)
    answers = os.fdopen(3, "w")
    module = importlib.import_module(os.path.splitext(os.path.basename(file))[0])
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=folder)
    for function, arguments in wanted:
        answer = {"function": function}
        try:
            task = getattr(module, function)(**arguments)
            answer["outputs"] = {name: shown(value) for name, value in task.outputs.items()}
            answer["succeeded"] = True
        except Exception as error:
            answer["succeeded"] = False
            answer["error"] = "".join(traceback.format_exception_only(type(error), error)).strip()
        print(json.dumps(answer), file=answers, flush=True)


main()
