import sys

# What the project calls `json` must not be taken for Python's own here; it is for the imports below.
here = sys.path.pop(0) if sys.path and sys.path[0] == "" else None
# Nor is what this file needs to be taken for what the project loads, where that is recorded.
writes, sys.dont_write_bytecode = not sys.dont_write_bytecode, True
import json, os, traceback
sys.dont_write_bytecode = not writes
if here is not None:
    sys.path.insert(0, here)

# Modules may print; the messages have a descriptor of their own.
out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

def plain(text):
    return str(text).encode("utf-8", "replace").decode("utf-8")

def say(*words):
    out.write(json.dumps(words) + "\n")
    out.flush()

# Some modules read the program's arguments when they are imported.
statements, sys.argv = sys.argv[1:], [""]
for number, statement in enumerate(statements):
    say("begin", number)
    try:
        exec(statement, {"__name__": "__lightship__"})
    except BaseException as error:
        last = traceback.format_exception_only(type(error), error)[-1].strip()
        frames = traceback.extract_tb(error.__traceback__)[1:][-50:]
        say("failed", number, plain(last)[:1000], [
            [plain(frame[0]), frame[1], plain(frame[2]), plain(frame[3] or "")[:200]]
            for frame in frames
        ])
    else:
        say("fine", number)

# Threads that a module left must not keep the interpreter.
sys.stderr.flush()
os._exit(0)
