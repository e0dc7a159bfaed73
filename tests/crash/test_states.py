# SPDX-License-Identifier: ISC
"""What a crash leaves, of a real run: nothing acknowledged is lost. And the checks can fail."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest
import run

TALLYD, SHIM, STATES = (os.environ[name] for name in ("TALLYD", "CRASH_SHIM", "CRASH_STATES"))
MEMORY = pathlib.Path("/dev/shm")
WORKERS = len(os.sched_getaffinity(0))
COUNT = int(os.environ.get("CRASH_COUNT", "100000"))  # scripts/mutate takes fewer


@pytest.fixture(scope="module")
def directory():
    """In memory where that can be had: a hundred thousand states are as many sets of files."""
    place = MEMORY if os.access(MEMORY, os.W_OK) else None
    path = pathlib.Path(tempfile.mkdtemp(prefix="tally-", dir=place))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def recorded(directory):
    path = directory / "run"
    path.mkdir(mode=0o700)
    return run.record(path, TALLYD, SHIM)


def take_apart(recorded, *options, workers=WORKERS):
    """The exit code of crash_states, and what it says."""
    path = recorded.daemon.directory
    # The last: each start allocates megabytes, whose shadow is not worth mapping anew.
    quick = {"ASAN_OPTIONS": "detect_stack_use_after_return=0:allocator_may_return_null=1:"
                             "clear_shadow_mmap_threshold=67108864"}
    with tempfile.TemporaryDirectory(dir=path.parent) as work:
        done = subprocess.run([STATES, path, work, "--workers", str(workers), *options],
                              env={**os.environ, **quick}, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
    print(done.stdout.decode())
    assert done.returncode in (0, 1), done.stderr.decode()
    return done.returncode, done.stdout.decode()


def test_no_crash_loses_what_was_acknowledged(recorded):
    code, said = take_apart(recorded, "--states", str(COUNT))
    assert code == 0, said
    assert int(re.search(r"(\d+) states,", said)[1]) >= COUNT
    # Before there is a ledger: exit code 1, "a new ledger is made by tallyd init".
    assert set(re.findall(r"refuse: exit code (\d+)", said)) == {"1"}


def test_the_same_state_is_opened_once(recorded):
    """However the states are dealt out. So many that those of calls which write nothing are few."""
    opened = []
    for workers in (1, 3):
        code, said = take_apart(recorded, "--states", "8000", workers=workers)
        assert code == 0, said
        found = re.search(r"(\d+) states, (\d+) distinct", said)
        states, distinct = int(found[1]), int(found[2])
        assert states / 3 < distinct < states
        ends = [int(n) for n in re.findall(r"^(\d+) (?:serve|refuse):", said, re.M)]
        assert sum(ends) == distinct
        opened.append((distinct, *ends))
    assert opened[0] == opened[1]


LOST = "the store is shorter than a checkpoint"
REFUSED = "the daemon refuses a ledger"
OLD = "the head guard is older"
CONTROLS = [("no-sync", REFUSED), ("no-meta-sync", REFUSED), ("lying-fdatasync", REFUSED),
            ("head-not-synced", OLD), ("no-directory-sync", REFUSED),
            ("no-exhibit-sync", "an exhibit is missing"), ("early-receipt", LOST)]


@pytest.mark.parametrize("control, finding", CONTROLS)
def test_controls_are_caught(recorded, control, finding):
    code, said = take_apart(recorded, "--states", "2000", "--control", control)
    assert code == 1
    assert f"FOUND: {finding}" in said
    number = re.search(re.escape(finding) + r".* --replay (\d+)", said)[1]
    code, said = take_apart(recorded, "--states", "2000", "--control", control, "--replay", number)
    assert code == 1
    assert f"state {number}: during call" in said and finding in said
    assert said.endswith("1 findings\n")
