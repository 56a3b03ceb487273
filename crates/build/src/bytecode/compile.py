# Compiles Python files, those of one package after the other in one process, those of another package in
# another: who takes over an interpreter reaches no package but its own. Children are forked from a parent
# that never sees a file; they read their files themselves. The modules used here are built into every
# interpreter, so that nothing else is loaded.
#
# Input, per file: a letter, which tells whether another child is to have it ("n") or the last one ("c"); the
# lengths of path and source as numbers of 8 bytes, little-endian; then both.
# Output: an answer about the interpreter, then one per file: a letter, a length like those, so many bytes.
import sys, posix, marshal, gc, _imp, _signal
import _frozen_importlib_external as external

gc.disable()
SECONDS, MOST = int(sys.argv[1]), int(sys.argv[2])
ENDED, NOBODY = 3, 65534
MAGIC = external.MAGIC_NUMBER
CODE = type((lambda: 0).__code__)
ORDERED = sys.version_info >= (3, 11)

# So many bytes; fewer where the other side has ended.
def read(source, count):
    pieces = []
    while count:
        piece = posix.read(source, min(count, 1 << 20))
        if not piece:
            break
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)

def write(to, data):
    data = memoryview(data)
    while data:
        data = data[posix.write(to, data):]

def number(count):
    return count.to_bytes(8, "little")

def count(number):
    return int.from_bytes(number, "little")

# Until Python 3.11 a set is written in the order of its hashes, and the hash of these is an address.
def has_address(value):
    return value is None or value is ... or type(value) in (tuple, frozenset) and any(map(has_address, value))

def is_steady(value):
    if type(value) is frozenset:
        return not has_address(value)
    if type(value) is CODE:
        value = value.co_consts
    return type(value) is not tuple or all(map(is_steady, value))

def compile_one(path, source):
    try:
        code = compile(source, path.decode(), "exec", dont_inherit=True, optimize=0)
        if not ORDERED and not is_steady(code):
            return b"-", b""
        # PEP 552: hash-based, never checked.
        head = MAGIC + (1).to_bytes(4, "little")
        return b"+", head + _imp.source_hash(count(MAGIC), source) + marshal.dumps(code)
    except MemoryError as error:
        # On another machine there may be enough: without an answer nobody remembers one. Newer parsers say it of
        # what is too deep for them, and that in words.
        if not error.args:
            posix._exit(ENDED)
        return b"-", b""
    except Exception:
        return b"-", b""

# What a child does. Should a file ever take over the interpreter, there is little within its reach: no
# output but its own pipe, and where the sandbox has other users, no process but its own.
def compile_all(turns, answers):
    posix.close(1)
    for change in posix.setgid, posix.setuid:
        try:
            change(NOBODY)
        except OSError:
            pass
    while posix.read(turns, 1):
        lengths = read(0, 16)
        path = read(0, count(lengths[:8]))
        source = read(0, count(lengths[8:]))
        write(answers, b".")
        _signal.alarm(SECONDS)
        letter, code = compile_one(path, source)
        _signal.alarm(0)
        write(answers, letter + number(len(code)))
        write(answers, code)

class Child:
    def __init__(self):
        turns, self.turns = posix.pipe()
        self.answers, answers = posix.pipe()
        self.process = posix.fork()
        if self.process == 0:
            try:
                posix.close(self.turns)
                posix.close(self.answers)
                compile_all(turns, answers)
            finally:
                posix._exit(0)
        posix.close(turns)
        posix.close(answers)

    # Whoever does not end ends the parent, and the sandbox with it.
    def end(self):
        posix.close(self.turns)
        posix.close(self.answers)
        _signal.alarm(SECONDS + 1)
        posix.waitpid(self.process, 0)
        _signal.alarm(0)

    # Passes on what it says to one file; whether it lives.
    def attend(self):
        write(self.turns, b".")
        if not posix.read(self.answers, 1):
            posix._exit(ENDED)
        _signal.alarm(SECONDS + 1)
        head = read(self.answers, 9)
        length = count(head[1:])
        if len(head) < 9 or head[:1] not in (b"+", b"-") or length > MOST:
            return False
        body = read(self.answers, length)
        _signal.alarm(0)
        if len(body) < length:
            return False
        write(1, head)
        write(1, body)
        return True

# A set is written in the order of its elements as they are written, and of these single characters are written as
# interned from the moment on at which any file has used them as a name: now, for all files alike.
for character in map(chr, range(256)):
    sys.intern(character)
sys.intern("")

tag = (sys.implementation.cache_tag or "").encode()
write(1, b"@" + number(len(tag)) + tag)
child = None
while True:
    letter = posix.read(0, 1)
    if child and letter != b"c":
        child.end()
        child = None
    if not letter:
        posix._exit(0)
    child = child or Child()
    if not child.attend():
        child.end()
        child = None
        write(1, b"!" + number(0))
