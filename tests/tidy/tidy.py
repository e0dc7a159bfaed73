#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""What compilers and formatters cannot say about the source tree.

Usage: tidy.py [ROOT]. Prints one line for each finding, PATH:LINE: RULE: TEXT; exits 1 with any.
Each rule is a function from a file to findings; test_tidy.py shows each one able to fail.
"""

import os
import re
import sys
from pathlib import Path

COLUMNS_MAX = 100
FUNCTION_LINES_MAX = 70

# A longer word (a vector in hexadecimal or base64, an address) cannot be broken.
WORD_BREAKABLE_MAX = 60

# .git is a file in a worktree.
SKIPPED = {".git", "build", "__pycache__", ".pytest_cache", "node_modules"}

# Who may include whom, nearest first: "an arrow means may be included by what follows".
LAYERS = {
    "lib/base": {"lib/base"},
    "lib/tree": {"lib/base", "lib/tree"},
    "keys": {"lib/base", "lib/tree", "keys"},
    "lib/codec": {"lib/base", "lib/tree", "keys", "lib/codec"},
    "lib/roster": {"lib/base", "lib/tree", "keys", "lib/codec", "lib/roster"},
    "lib/verify": {"lib/base", "lib/tree", "keys", "lib/codec", "lib/roster", "lib/verify"},
}
LAYERS["lib/archive"] = LAYERS["lib/verify"] | {"lib/archive"}
LAYERS["lib/wire"] = {"lib/base", "lib/codec", "lib/wire"}
LAYERS["lib/client"] = LAYERS["lib/archive"] | {"lib/wire", "lib/client"}
LAYERS["lib/api"] = LAYERS["lib/client"] | {"lib/api"}
LAYERS["lib/store"] = LAYERS["lib/archive"] | {"lib/store"}
LAYERS["daemon"] = LAYERS["lib/client"] | {"lib/store", "daemon"}
LAYERS["client"] = LAYERS["lib/client"] | {"client"}
LAYERS["include"] = set()
LAYERS["examples"] = {"examples"}

# What opens a stopped data directory, or makes one from a backup: why a client knows the store.
CLIENT_STORE_USERS = re.compile(
    r"client/(ledger_store\.[ch]|restore_check\.c|cmd_(restore|fsck)\.c)$"
)

# A library's header, and the only files that may include it. Tests may include what they test.
OWNED_HEADERS = {
    "lmdb.h": re.compile(r"lib/store/mdb(_[a-z]+)?\.[ch]$"),
    "uv.h": re.compile(r"daemon/"),
    "seccomp.h": re.compile(r"daemon/(sandbox|syscall_filter)\.c$"),
    "jansson.h": re.compile(r"client/"),
    "unictype.h": re.compile(r"client/"),
    "unistr.h": re.compile(r"client/"),
    "unicase.h": re.compile(r"client/"),
    "uninorm.h": re.compile(r"client/"),
    "curl/curl.h": re.compile(r"client/"),
    "archive.h": re.compile(r"lib/archive/tar\.c$"),
    "archive_entry.h": re.compile(r"lib/archive/tar\.c$"),
}

# What an installed header may include: nothing that a user would have to install too.
PUBLIC_HEADERS = re.compile(r"tally/|std(def|int|bool)\.h$")

BANNED = (
    "strcpy stpcpy strcat sprintf vsprintf gets atoi atol atoll rand srand random system popen "
    "alloca tmpnam mktemp"
).split()
ALLOCATING = "malloc calloc realloc free reallocarray strdup strndup asprintf vasprintf".split()


class Source:
    """One file: its path below the root, its text and, for C, the code without its comments."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.split("\n")
        self.is_c = path.endswith((".c", ".h", ".h.in"))
        self.is_python = path.endswith(".py") or text.startswith("#!/usr/bin/python3")
        self.is_shell = path.endswith(".sh") or bool(re.match(r"#!.*\b(ba)?sh\b", text))
        self.is_cmake = path.endswith((".cmake", "CMakeLists.txt"))
        self.is_code = self.is_c or self.is_python or self.is_shell or self.is_cmake
        self.code = strip_c(text) if self.is_c else ""

    def in_tests(self):
        return self.path.startswith("tests/")

    def line_of(self, offset):
        return self.code.count("\n", 0, offset) + 1


def strip_c(text):
    """C text with comments and the insides of literals blanked, every offset unchanged."""
    token = re.compile(
        r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL
    )

    def blank(match):
        found = match.group(0)
        if found[0] in "\"'":
            return found[0] + " " * (len(found) - 2) + found[0]
        return re.sub(r"[^\n]", " ", found)

    return token.sub(blank, text)


def layer_of(path):
    parts = path.split("/")
    layer = "/".join(parts[:2]) if parts[0] == "lib" and len(parts) > 2 else parts[0]
    return layer if layer in LAYERS else None


def includes(source):
    """(line number, quoted or not, name) of each include of a C file."""
    for number, line in enumerate(source.lines, 1):
        match = re.match(r"\s*#\s*include\s*([<\"])([^>\"]+)[>\"]", line)
        if match:
            yield number, match.group(1) == '"', match.group(2)


def check_layers(source):
    if not source.is_c:
        return
    own = layer_of(source.path)
    for number, quoted, name in includes(source):
        if not quoted:
            if own == "include" and not PUBLIC_HEADERS.match(name):
                yield number, f"an installed header includes <{name}>"
            continue
        theirs = layer_of(name)
        if theirs is None and not name.startswith("tests/"):
            yield number, f'"{name}" is not a path from the root'
        elif source.in_tests():
            continue
        elif name.startswith("tests/"):
            yield number, f'"{name}" belongs to the tests'
        elif own is None:
            yield number, f'"{name}" is included from outside the layers'
        elif theirs not in LAYERS[own]:
            if theirs == "lib/store" and CLIENT_STORE_USERS.match(source.path):
                continue
            yield number, f"{own} may not include {theirs}"


def check_owned_headers(source):
    if not source.is_c or source.in_tests():
        return
    for number, _, name in includes(source):
        owners = OWNED_HEADERS.get(name)
        if owners and not owners.match(source.path):
            yield number, f"<{name}> belongs to {owners.pattern}"


def check_banned(source):
    if not source.is_c:
        return
    names = "|".join(BANNED if source.in_tests() else [*BANNED, "assert"])
    for match in re.finditer(rf"(?<![\w.>])({names})\s*\(", source.code):
        yield source.line_of(match.start()), f"{match.group(1)} is banned"


def check_allocation(source):
    if not source.path.startswith(("lib/", "keys/")) or source.path == "lib/base/mem.c":
        return
    # Also as a value: passing free to somebody goes round the seam as well.
    names = "|".join(ALLOCATING)
    for match in re.finditer(rf"(?<![\w.>])({names})\b(?=\s*[(),;}}])", source.code):
        yield source.line_of(match.start()), f"{match.group(1)} outside lib/base/mem.c"


def check_columns(source):
    # The vectors' tables are data, one case a line, whatever their ending.
    if not source.is_code or source.path.startswith("tests/vectors/"):
        return
    for number, line in enumerate(source.lines, 1):
        if len(line) <= COLUMNS_MAX:
            continue
        if max(len(word) for word in line.split()) <= WORD_BREAKABLE_MAX:
            yield number, f"{len(line)} columns"


def check_spdx(source):
    if source.is_code and not any(
        "SPDX-License-Identifier: ISC" in line for line in source.lines[:2]
    ):
        yield 1, "no SPDX line among the first two"


def check_function_lines(source):
    if not source.is_c:
        return
    opened = None
    for number, line in enumerate(source.code.split("\n"), 1):
        if line.startswith("{"):
            opened = number
        elif line.startswith("}") and opened is not None:
            length = number - opened + 1
            if length > FUNCTION_LINES_MAX:
                yield opened, f"a function of {length} lines"
            opened = None


def braces(code, start):
    """Offset after the brace that closes the one at start."""
    depth = 0
    for offset in range(start, len(code)):
        if code[offset] == "{":
            depth += 1
        elif code[offset] == "}":
            depth -= 1
            if depth == 0:
                return offset + 1
    return len(code)


def check_reads(source):
    """C leaves open in which order one initialiser, or one expression, evaluates its calls."""
    if not source.is_c:
        return
    # "= {" and the "){" of a compound literal, not the ") {" of a statement.
    inside = set()
    for match in re.finditer(r"=\s*\{|\)\{", source.code):
        start = match.end() - 1
        body = source.code[start : braces(source.code, start)]
        for read in re.finditer(r"\btl_read_\w+\s*\(", body):
            inside.add(start + read.start())
    for offset in sorted(inside):
        yield source.line_of(offset), "a read inside an initialiser"
    for match in re.finditer(r"[^;{}]+;", source.code):
        statement = match.group(0)
        if re.search(r"&&|\|\||\?", statement):
            continue
        reads = list(re.finditer(r"\btl_read_\w+\s*\(", statement))
        if len(reads) > 1:
            offset = match.start() + reads[1].start()
            yield source.line_of(offset), "two reads in one expression"


def check_marks(source):
    # Spelt in two so that this file holds no mark.
    for number, line in enumerate(source.lines, 1):
        match = re.search(r"\b(TO" r"DO|FIX" r"ME)\b", line)
        if match:
            yield number, match.group(0)


def check_workplace(source):
    for number, line in enumerate(source.lines, 1):
        if re.search(r"(?<![\w-])sha" r"red/|(?<![\w./])/wo" r"rk/", line):
            yield number, "a path of somebody's workplace"


RULES = {
    "layers": check_layers,
    "owned-headers": check_owned_headers,
    "banned": check_banned,
    "allocation": check_allocation,
    "columns": check_columns,
    "spdx": check_spdx,
    "function-lines": check_function_lines,
    "reads": check_reads,
    "marks": check_marks,
    "workplace": check_workplace,
}


def check(source):
    """(line number, rule, text) of everything that is wrong with one file."""
    return [
        (number, rule, text)
        for rule, function in RULES.items()
        for number, text in function(source)
    ]


def sources(root):
    for directory, names, files in os.walk(root):
        names[:] = sorted(set(names) - SKIPPED)
        for name in sorted(set(files) - SKIPPED):
            path = Path(directory) / name
            if path.is_symlink() or not path.is_file():
                continue
            try:
                text = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
            if "\0" not in text:
                yield Source(path.relative_to(root).as_posix(), text)


def main(arguments):
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parents[2]
    count = 0
    files = 0
    for source in sources(root):
        files += 1
        for number, rule, text in check(source):
            print(f"{source.path}:{number}: {rule}: {text}")
            count += 1
    print(f"{files} files, {count} findings")
    return 1 if count or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
