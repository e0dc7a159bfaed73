# SPDX-License-Identifier: ISC
"""The deliberate bugs of bugs/*.toml: what each changes, and which tests must find it.

A bug is a table with `why`, `tests` (a regular expression for ctest), and one edit or a list of
`edits`, each of `file`, `old`, `new`: `old` stands once in the file and is replaced by `new`.
`only` chooses among the functions of a pytest file, `preset` another build than asan.
"""
import pathlib
import re
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
EDIT = ("file", "old", "new")
KEYS = {"why", "tests", "only", "preset", "edits", *EDIT}


class Bug:
    def __init__(self, name, table):
        self.name = name
        self.why, self.tests = table["why"], table["tests"]
        self.only = table.get("only", "")
        self.preset = table.get("preset", "asan")
        self.edits = [tuple(edit[key] for key in EDIT) for edit in table.get("edits", [table])]
        unknown = set(table) - KEYS
        if unknown:
            raise ValueError(f"{name}: unknown {', '.join(sorted(unknown))}")

    def files(self):
        return sorted({path for path, _, _ in self.edits})

    def problems(self, read):
        """Why it does not apply; read(path) gives the text of a file of the tree."""
        for path, old, new in self.edits:
            count = read(path).count(old)
            if count != 1:
                yield f"{self.name}: {path} has its old text {count} times"
            if old == new:
                yield f"{self.name}: changes nothing in {path}"

    def apply(self, read):
        """{path: text} of the files as they are with the bug."""
        changed = {}
        for path, old, new in self.edits:
            changed[path] = changed.get(path, read(path)).replace(old, new)
        return changed


def load(directory=HERE / "bugs"):
    """All bugs by name, in the order of the files."""
    bugs = {}
    for path in sorted(directory.glob("*.toml")):
        for name, table in tomllib.loads(path.read_text(encoding="utf-8")).items():
            if name in bugs:
                raise ValueError(f"{name} stands twice")
            bugs[name] = Bug(name, table)
    return bugs


def reader(root):
    return lambda path: (root / path).read_text(encoding="utf-8")


def chosen(bugs, patterns):
    """Those whose name one of the patterns matches from its beginning; all without a pattern."""
    if not patterns:
        return list(bugs.values())
    return [bug for name, bug in bugs.items() if any(re.match(p, name) for p in patterns)]
