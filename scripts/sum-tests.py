#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Sums up a run of ctest: sum-tests.py JUNIT-FILE CTEST-EXIT-CODE

Counts the single tests inside cmocka and pytest programs where those say how many there were, and
a program that says nothing as one. The last line is "N passed, N failed[, N skipped]".
"""

import re
import sys
import xml.etree.ElementTree as ElementTree

CMOCKA = {
    "passed": re.compile(r"^\[  PASSED  \] (\d+) test\(s\)", re.MULTILINE),
    "failed": re.compile(r"^\[  FAILED  \] (\d+) test\(s\)", re.MULTILINE),
    "skipped": re.compile(r"^\[  SKIPPED \] (\d+) test\(s\)", re.MULTILINE),
}
PYTEST_LINE = re.compile(
    r"^(?:=+ )?(?:\d+ (?:passed|failed|skipped|errors?|xfailed|xpassed|deselected|warnings?)"
    r"(?:, )?)+ in [\d.]+s.*$",
    re.MULTILINE,
)
PYTEST_COUNT = re.compile(r"(\d+) (passed|failed|skipped|error|xfailed)")
PYTEST_KINDS = {"error": "failed", "xfailed": "passed"}


def inner_counts(output):
    """What the program itself says it ran."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for kind, pattern in CMOCKA.items():
        counts[kind] += sum(int(number) for number in pattern.findall(output))
    for line in PYTEST_LINE.findall(output):
        for number, kind in PYTEST_COUNT.findall(line):
            counts[PYTEST_KINDS.get(kind, kind)] += int(number)
    return counts


def counts_of(case):
    """Counts of one test of ctest, which has the last word on whether it failed."""
    status = case.get("status")
    skipped = case.find("skipped")
    # A program that is missing is called skipped too, by ctest; not by us.
    if status == "disabled" or (
        skipped is not None and skipped.get("message", "").startswith("SKIP_")
    ):
        return {"passed": 0, "failed": 0, "skipped": 1}
    counts = inner_counts(case.findtext("system-out") or "")
    if status == "run":
        if not any(counts.values()):
            counts["passed"] = 1
    elif counts["failed"] == 0:
        # It crashed, ran out of time, or a sanitizer spoke at its end.
        counts["failed"] = 1
    return counts


def main(arguments):
    path, outcome = arguments
    total = {"passed": 0, "failed": 0, "skipped": 0}
    failed = []
    try:
        cases = list(ElementTree.parse(path).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        print(f"sum-tests: {error}", file=sys.stderr)
        cases = []
    for case in cases:
        counts = counts_of(case)
        for kind, number in counts.items():
            total[kind] += number
        if counts["failed"]:
            failed.append(case.get("name"))
    if total["failed"] == 0 and (outcome != "0" or total["passed"] == 0):
        # ctest failed for a reason of its own, or nothing was tested.
        total["failed"] = 1
        failed.append("ctest")
    for name in failed:
        print(f"failed: {name}")
    line = f"{total['passed']} passed, {total['failed']} failed"
    if total["skipped"]:
        line += f", {total['skipped']} skipped"
    print(line)
    return 1 if total["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
