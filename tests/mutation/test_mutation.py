# SPDX-License-Identifier: ISC
"""Deliberate bugs and survivors still fit the tree; and what mutants are made of a function."""
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = pathlib.Path(os.environ.get("TALLY_SOURCE_DIR", HERE.parent.parent))
BUILD = os.environ.get("TALLY_BUILD_DIR")
sys.path.insert(0, str(HERE))

import known_bugs  # noqa: E402
import operators  # noqa: E402
import score  # noqa: E402

BUGS = known_bugs.load()


def names_in_the_build():
    shown = subprocess.run(["ctest", "--test-dir", BUILD, "--show-only=json-v1"],
                           stdout=subprocess.PIPE, check=True).stdout.decode()
    return {test["name"] for test in json.loads(shown[shown.index("{"):])["tests"]}


def functions_of(names):
    """The test functions of the pytest files whose test is named."""
    found = set()
    for path in ROOT.glob("tests/*/test_*.py"):
        if any(name in (f"{path.parent.name}_{path.stem[5:]}", path.parent.name)
               for name in names):
            found.update(re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE))
    return found


def test_every_bug_applies():
    read = known_bugs.reader(ROOT)
    assert len(BUGS) > 100
    assert [problem for bug in BUGS.values() for problem in bug.problems(read)] == []


@pytest.mark.skipif(BUILD is None, reason="TALLY_BUILD_DIR names no build")
def test_every_bug_names_tests_that_there_are():
    there = names_in_the_build()
    for bug in BUGS.values():
        for pattern in bug.tests.split("|"):
            assert any(re.search(pattern, name) for name in there), f"{bug.name}: {pattern}"
        words = set(bug.only.split()) - {"or"}
        functions = functions_of([pattern.strip("^$") for pattern in bug.tests.split("|")])
        for word in words:
            assert any(word in name for name in functions), f"{bug.name}: {word}"


def test_a_bug_that_does_not_apply_is_told():
    table = {"why": "", "tests": "", "file": "x.c", "old": "a", "new": "b"}
    texts = {"x.c": "a", "twice.c": "aa"}
    assert not list(known_bugs.Bug("fits", table).problems(texts.get))
    for changes in ({"old": "c"}, {"new": "a"}, {"file": "twice.c"}):
        assert list(known_bugs.Bug("fits not", {**table, **changes}).problems(texts.get))
    with pytest.raises(ValueError):
        known_bugs.Bug("strange", {**table, "olny": "x"})


def test_edits_of_one_file_add_up():
    edits = [{"file": "x.c", "old": "a", "new": "1"}, {"file": "x.c", "old": "b", "new": "2"}]
    bug = known_bugs.Bug("two", {"why": "", "tests": "", "edits": edits})
    assert bug.apply({"x.c": "a b c"}.get) == {"x.c": "1 2 c"}
    assert bug.files() == ["x.c"]


SOURCE = """#include <x.h>

/* if (a < b) is no code here */
static int work(int a, const char *text)
{
    if (a < 2 && !text) {
        tell("a, b; (c)", a);
        goto out;
    }
    return TALLY_EFORMAT;
out:
    return a + 1;
}
"""


def test_mutants_of_a_function():
    made = {(m.kind, m.changed()) for m in operators.mutants_of("x.c", SOURCE)}
    for expected in (("relation", "if (a <= 2 && !text) {"), ("logic", "if (a < 2 || !text) {"),
                     ("constant", "if (a < 3 && !text) {"), ("constant", "if (a < 1 && !text) {"),
                     ("negation", "if (a < 2 && text) {"), ("call", ";"),
                     ("condition", "if (!(a < 2 && !text)) {"), ("return", "return TALLY_OK;"),
                     ("arithmetic", "return a - 1;"), ("constant", "return a + 0;"),
                     ("constant", "return a + 2;")):
        assert expected in made, expected
        made.remove(expected)
    assert made == set()


def test_all_mutants_stand_in_one_file():
    made = dict(enumerate(operators.mutants_of("x.c", SOURCE), 1))
    text, lines = operators.schema(SOURCE, made)
    assert text.count("{") == text.count("}") == 2 * (len(made) + 1) + 1
    assert text.count("if (tl_mutant == ") == len(made)
    for number in made:
        assert f"goto out_{number};" in text and f"\nout_{number}:\n" in text
    whole = text.split("\n")
    for number, mutant in made.items():
        own = "\n".join(whole[line - 1] for line, who in lines.items() if who == number)
        assert mutant.changed() in " ".join(own.split())


def test_survivors_are_of_this_tree():
    """What was called equivalent is still there to be: else the line goes."""
    known = score.equivalents(HERE / "survivors.txt")
    there = {mutant.key() for mutant in score.sample([], 0, 0)[0].values()}
    assert known and [key for key in known if key not in there] == []
    assert all(known.values())
