# SPDX-License-Identifier: ISC
"""scripts/coverage over what llvm-cov would say of a small source: no gap is overlooked."""

import importlib.machinery
import importlib.util
import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("TALLY_SOURCE_DIR", Path(__file__).resolve().parents[2]))

SOURCE = """\
int f(int a, int b)
{
    TL_ASSERT(a >= 0);
    if (a == 1 && b == 2) {
        return 7;
    }
    if (a > 9) {
        return 8;
    }
    switch (a) {
    case 3:
        return 9;
    }
    return 0;
}
"""
ASSERTION = "TL_ASSERT"
MACRO = "#define TL_ASSERT(c) if (!(c)) stop()\n"
BRANCH, CONDITION, EXPANSION, CODE = 4, 6, 1, 0


def load():
    path = str(ROOT / "scripts" / "coverage")
    loader = importlib.machinery.SourceFileLoader("coverage_script", path)
    spec = importlib.util.spec_from_loader("coverage_script", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def place(text, source=SOURCE):
    """Where the text stands: line, column, line, column behind it."""
    before = source[: source.index(text)].split("\n")
    line, column = len(before), len(before[-1]) + 1
    return [line, column, line, column + len(text)]


class Tree:
    """A root with one source and one function in it; tests change what llvm-cov says of it."""

    def __init__(self, root):
        self.module = load()
        self.module.ROOT = root
        (root / "keys").mkdir()
        self.file, self.header = root / "keys" / "f.c", root / "check.h"
        self.file.write_text(SOURCE)
        self.header.write_text(MACRO)
        self.calls = 5
        self.counts = {"a == 1": [2, 3], "b == 2": [1, 1], "a > 9": [1, 3], "case 3:": [1, 2]}
        self.kinds = {"a == 1": CONDITION, "b == 2": CONDITION}
        self.alone = [True, True]
        self.decisions = True
        self.lines = {line: 1 for line in range(1, 16)}
        self.explained = ""

    def export(self):
        branches = [
            place(text) + counts + [0, 0, self.kinds.get(text, BRANCH)]
            for text, counts in self.counts.items()
        ]
        branches.append(place("!(c)", MACRO) + [0, 5, 1, 0, BRANCH])
        branches.append([10, 13, 10, 14, 0, 3, 0, 0, BRANCH])  # switch (a): none of its cases
        decision = place("a == 1")[:2] + place("b == 2")[2:] + [0, 5, self.alone]
        function = {
            "name": "f.c:f",
            "count": self.calls,
            "filenames": [str(self.file), str(self.header)],
            "branches": branches,
            "mcdc_records": [decision] if self.decisions else [],
            "regions": [[1, 1, 15, 2, self.calls, 0, 0, CODE],
                        place(ASSERTION) + [5, 0, 1, EXPANSION]],
        }
        return {"functions": [function]}

    def lcov(self):
        lines = [f"DA:{line},{count}" for line, count in self.lines.items()]
        return "\n".join([f"SF:{self.file}", *lines, "end_of_record"])

    def run(self, capsys):
        figures, gaps = self.module.measure(self.export(), self.lcov(), self.module.Sources())
        good = self.module.report(figures, gaps, self.module.read_explained(self.explained))
        return good, capsys.readouterr().out


@pytest.fixture(name="tree")
def fixture_tree(tmp_path):
    return Tree(tmp_path)


def never_true(tree):
    tree.counts["a > 9"] = [0, 4]


def never_false(tree):
    tree.counts["b == 2"] = [2, 0]
    tree.alone = [True, False]


def never_alone(tree):
    tree.alone = [False, True]


def never_followed(tree):
    tree.kinds = {}
    tree.decisions = False


def never_chosen(tree):
    tree.counts["case 3:"] = [0, 3]


def never_called(tree):
    tree.calls = 0
    tree.counts = {text: [0, 0] for text in tree.counts}
    tree.alone = [False, False]
    tree.lines = dict.fromkeys(tree.lines, 0)


def never_reached(tree):
    tree.lines[14] = 0


GAPS = [
    (never_true, ["keys/f.c:7: f: a > 9: never true"]),
    (never_false, ["keys/f.c:4: f: b == 2: never false"]),
    (never_alone, ["keys/f.c:4: f: a == 1: never alone"]),
    (never_followed, ["keys/f.c:4: f: a == 1: never alone", "keys/f.c:4: f: b == 2: never alone"]),
    (never_chosen, ["keys/f.c:11: f: case 3:: never true"]),
    (never_called, ["keys/f.c:1: f: never called"]),
    (never_reached, ["keys/f.c:14: f: return 0;: never reached"]),
]


def found(output):
    return [line for line in output.split("\n") if line.startswith("keys/")]


def test_nothing_uncovered(tree, capsys):
    good, output = tree.run(capsys)
    assert good
    assert found(output) == []
    # Two outcomes of each of four branches, and neither the assertion's nor the switch's own.
    assert "8 of     8" in output
    assert "2 of     2" in output
    assert "left out: 1 assertions" in output
    assert "left out: 1 switches" in output


@pytest.mark.parametrize(("change", "lines"), GAPS)
def test_gap(tree, capsys, change, lines):
    change(tree)
    good, output = tree.run(capsys)
    assert not good
    assert found(output) == lines


@pytest.mark.parametrize(("change", "lines"), GAPS)
def test_explained(tree, capsys, change, lines):
    change(tree)
    entries = ["keys/f.c: " + line.split(": ", 1)[1] + " — for a reason" for line in lines]
    tree.explained = "\n".join(["# comment", "[a kind]", *entries, ""])
    good, output = tree.run(capsys)
    assert good, output
    assert f"explained: {len(lines)} a kind" in output


@pytest.mark.parametrize("entry", [
    "keys/f.c: f: a > 9: never false — another outcome",
    "keys/f.c: f: a > 8: never true — another condition",
    "keys/f.c: g: a > 9: never true — another function",
    "keys/g.c: f: a > 9: never true — another file",
])
def test_explanation_of_something_else(tree, capsys, entry):
    never_true(tree)
    tree.explained = entry
    good, output = tree.run(capsys)
    assert not good
    assert len(found(output)) == 1
    assert "no such gap" in output


def test_explanation_without_a_gap(tree, capsys):
    entry = "keys/f.c: f: a > 9: never true — once"
    tree.explained = entry
    assert not tree.run(capsys)[0]
    never_true(tree)
    assert tree.run(capsys)[0]
    tree.explained = entry + "\n" + entry  # one entry for each gap
    assert not tree.run(capsys)[0]


def test_explanation_without_form(tree):
    with pytest.raises(SystemExit):
        tree.module.read_explained("keys/f.c: f: a > 9: never true")
