# SPDX-License-Identifier: ISC
"""The sum of a test run: nothing that went wrong is lost, whatever ctest calls it."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("TALLY_SOURCE_DIR", Path(__file__).resolve().parents[2]))

CMOCKA_PASS = "[==========] 3 test(s) run.\n[  PASSED  ] 3 test(s).\n"
CMOCKA_MIXED = (
    "[  PASSED  ] 2 test(s).\n[  SKIPPED ] 1 test(s), listed below:\n[  SKIPPED ] test_a\n"
    "[  FAILED  ] 2 test(s), listed below:\n[  FAILED  ] test_b\n[  FAILED  ] test_c\n"
)
PYTEST_PASS = "....s\nSKIPPED [1] x.py:1: no ssh\n4 passed, 1 skipped in 0.10s\n"
PYTEST_FAIL = "FAILED x.py::test - 7 passed\n1 failed, 2 passed, 1 error in 61.00s (0:01:01)\n"

SKIPPED = '<skipped message="SKIP_RETURN_CODE=77"/>'
MISSING = '<skipped message="Unable to find executable"/>'
FAILURE = '<failure message=""/>'

CASES = [
    ([("run", "", CMOCKA_PASS)], 0, "3 passed, 0 failed"),
    ([("run", "", "no counts")], 0, "1 passed, 0 failed"),
    ([("run", "", PYTEST_PASS)], 0, "4 passed, 0 failed, 1 skipped"),
    ([("run", "", CMOCKA_PASS), ("run", "", PYTEST_PASS)], 0, "7 passed, 0 failed, 1 skipped"),
    ([("notrun", SKIPPED, "")], 0, "0 passed, 1 failed, 1 skipped"),
    ([("run", "", CMOCKA_PASS), ("notrun", SKIPPED, "")], 0, "3 passed, 0 failed, 1 skipped"),
    ([("run", "", CMOCKA_PASS), ("disabled", "", "")], 0, "3 passed, 0 failed, 1 skipped"),
    ([("run", "", CMOCKA_PASS), ("notrun", MISSING, "")], 8, "3 passed, 1 failed"),
    ([("fail", FAILURE, CMOCKA_MIXED)], 8, "2 passed, 2 failed, 1 skipped"),
    ([("fail", FAILURE, PYTEST_FAIL)], 8, "2 passed, 2 failed"),
    ([("fail", FAILURE, "")], 8, "0 passed, 1 failed"),
    # all passed, then a sanitizer found a leak
    ([("fail", FAILURE, CMOCKA_PASS + "==1==ERROR: LeakSanitizer")], 8, "3 passed, 1 failed"),
    # ctest failed for a reason of its own
    ([("run", "", CMOCKA_PASS)], 8, "3 passed, 1 failed"),
    ([], 8, "0 passed, 1 failed"),
    ([], 0, "0 passed, 1 failed"),
]


def run(path, outcome):
    return subprocess.run(
        ["/usr/bin/python3", ROOT / "scripts" / "sum-tests.py", path, str(outcome)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("cases", "outcome", "line"), CASES)
def test_sum(tmp_path, cases, outcome, line):
    path = tmp_path / "junit.xml"
    path.write_text(
        "<testsuite>"
        + "".join(
            f'<testcase name="t" status="{status}">{mark}<system-out>{output}</system-out>'
            "</testcase>"
            for status, mark, output in cases
        )
        + "</testsuite>",
        encoding="utf-8",
    )
    result = run(path, outcome)
    assert result.stdout.splitlines()[-1] == line
    assert result.returncode == (0 if ", 0 failed" in line else 1)


def test_no_results(tmp_path):
    result = run(tmp_path / "absent.xml", 0)
    assert result.stdout.splitlines()[-1] == "0 passed, 1 failed"
    assert result.returncode == 1
    (tmp_path / "cut.xml").write_text("<testsuite><testcase", encoding="utf-8")
    result = run(tmp_path / "cut.xml", 0)
    assert result.stdout.splitlines()[-1] == "0 passed, 1 failed"
    assert result.returncode == 1
