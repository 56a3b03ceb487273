# Compiles Python files, each in a process of its own. The bytes of a .pyc tell which of its strings the
# interpreter had seen before (marshal's references); so every file is compiled by a child forked from a
# parent that never sees a file: children read their files themselves. The modules used here are built
# into every interpreter, so that nothing else is loaded.
#
# Input, per file: the lengths of path and source as numbers of 8 bytes, little-endian, then both.
# Output: an answer about the interpreter, then one per file: a letter, a length like those, so many bytes.
import sys, posix, marshal, gc, _imp, _signal
import _frozen_importlib_external as external

gc.disable()
SECONDS, MOST = int(sys.argv[1]), int(sys.argv[2])
UNFIT, ENDED, NOBODY = 3, 4, 65534
MAGIC = external.MAGIC_NUMBER
CODE = type((lambda: 0).__code__)
ORDERED = sys.version_info >= (3, 11)

def read(count):
    pieces = []
    while count:
        piece = posix.read(0, min(count, 1 << 20))
        if not piece:
            posix._exit(ENDED)
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)

def write(to, data):
    data = memoryview(data)
    while data:
        data = data[posix.write(to, data):]

def number(count):
    return count.to_bytes(8, "little")

# Until Python 3.11 a set is written in the order of its hashes, and the hash of these is an address.
def has_address(value):
    return value is None or value is ... or type(value) in (tuple, frozenset) and any(map(has_address, value))

def is_steady(value):
    if type(value) is frozenset:
        return not has_address(value)
    if type(value) is CODE:
        value = value.co_consts
    return type(value) is not tuple or all(map(is_steady, value))

# What a child does. Should a file ever take over the interpreter, there is little within its reach: no
# output but its own pipe, and where the sandbox has other users, no process but its own.
def compile_one(answer):
    posix.close(1)
    for change in posix.setgid, posix.setuid:
        try:
            change(NOBODY)
        except OSError:
            pass
    lengths = read(16)
    path = read(int.from_bytes(lengths[:8], "little"))
    source = read(int.from_bytes(lengths[8:], "little"))
    posix.close(0)
    write(answer, b".")
    _signal.alarm(SECONDS)
    try:
        code = compile(source, path.decode(), "exec", dont_inherit=True, optimize=0)
        if not ORDERED and not is_steady(code):
            posix._exit(UNFIT)
        # PEP 552: hash-based, never checked.
        head = MAGIC + (1).to_bytes(4, "little")
        code = head + _imp.source_hash(int.from_bytes(MAGIC, "little"), source) + marshal.dumps(code)
    except BaseException:
        posix._exit(UNFIT)
    write(answer, code)
    posix._exit(0)

# What the parent does for each child. Whoever does not end ends the parent, and the sandbox with it.
def attend(inner, child):
    if not posix.read(inner, 1):
        posix._exit(ENDED)
    _signal.alarm(SECONDS + 1)
    pieces, left = [], MOST
    while left > 0:
        piece = posix.read(inner, 1 << 16)
        if not piece:
            break
        pieces.append(piece)
        left -= len(piece)
    posix.close(inner)
    status = posix.waitpid(child, 0)[1]
    _signal.alarm(0)
    if status == 0 and left > 0:
        body = b"".join(pieces)
        write(1, b"+" + number(len(body)))
        write(1, body)
    else:
        write(1, (b"-" if status == UNFIT << 8 else b"!") + number(0))

tag = (sys.implementation.cache_tag or "").encode()
write(1, b"@" + number(len(tag)) + tag)
while True:
    inner, outer = posix.pipe()
    child = posix.fork()
    if child == 0:
        try:
            posix.close(inner)
            compile_one(outer)
        finally:
            posix._exit(1)
    posix.close(outer)
    attend(inner, child)
