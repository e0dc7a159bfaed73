# SPDX-License-Identifier: ISC
"""Copies of a ledger: what is named is durable, and what was written is looked at again."""
import os
import re
import subprocess

import pytest
from conftest import TALLY
from test_backup import backup, fill

pytestmark = pytest.mark.skipif(not os.path.exists("/usr/bin/strace"), reason="no strace")


def traced(made, calls, *words, inject=None):
    """Runs tally under strace: how it ended, and its calls, in which descriptors have paths."""
    trace = made.directory / "trace"
    faults = ["-e", f"inject={inject}"] if inject else []
    done = subprocess.run(
        ["strace", "-f", "-y", "-s", "0", "-o", trace, "-e", f"trace={calls}", *faults, TALLY,
         *map(str, words)], capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    lines = [line.split(None, 1)[1] for line in trace.read_text().splitlines() if "(" in line]
    return done, lines


@pytest.fixture(name="saved")
def fixture_saved(daemon, team):
    """A ledger with exhibits and a backup of it."""
    fill(daemon, team)
    assert backup(daemon).returncode == 0
    return daemon


def test_objects_of_a_backup_are_durable_before_their_names(daemon, team):
    fill(daemon, team)
    done, calls = traced(daemon, "fsync,rename", "backup", daemon.directory / "backup", "--source",
                         daemon.read)
    assert done.returncode == 0, done.stderr
    named = [i for i, call in enumerate(calls)
             if call.startswith("rename(") and "tally/objects/" in call]
    assert len(named) == len(team.objects)
    for i in named:
        temporary = re.match(r'rename\("([^"]+)"', calls[i])[1]
        assert calls[i - 1].startswith("fsync(") and f"<{temporary}>" in calls[i - 1]


def test_restored_ledger_is_durable_before_its_name(saved):
    """All of it by one sync of the file system, then its directory, its name, its parent."""
    target = saved.directory / "restored"
    done, calls = traced(saved, "openat,syncfs,fsync,rename", "restore",
                         saved.directory / "backup", target)
    assert done.returncode == 0, done.stderr
    made = [i for i, call in enumerate(calls)
            if "O_EXCL" in call and ".restore-" in call and "/exhibits/" in call]
    flushed = [i for i, call in enumerate(calls) if call.startswith("syncfs(")]
    synced = [i for i, call in enumerate(calls)
              if re.match(rf"fsync\(\d+<{target}\.restore-\w+>\)", call)]
    named = [i for i, call in enumerate(calls)
             if call.startswith("rename(") and f'"{target}")' in call]
    kept = [i for i, call in enumerate(calls)
            if re.match(rf"fsync\(\d+<{saved.directory}>\)", call)]
    assert len(made) == 2 and len(flushed) == 1 and len(named) == 1 and kept
    assert max(made) < flushed[0] < named[0] < kept[-1]
    assert any(flushed[0] < i < named[0] for i in synced)


def test_what_was_restored_is_read_again(saved):
    """A disk that says it has written an exhibit and has not: no ledger is named."""
    target = saved.directory / "restored"
    done, calls = traced(saved, "write", "restore", "--drill", saved.directory / "backup")
    assert done.returncode == 0, done.stderr
    number, size = next((i, int(call.rsplit("= ", 1)[1])) for i, call in enumerate(calls, 1)
                        if "/exhibits/" in call)
    assert size in (len(b"a page" * 1000), len(b"ciphertext of a page" * 1000))
    done, _ = traced(saved, "write", "restore", saved.directory / "backup", target,
                     inject=f"write:retval={size}:when={number}")
    assert done.returncode == 1, done.stderr
    assert ".restore-" in done.stderr and "first bad record 1 (file-invalid)" in done.stderr
    assert not target.exists() and not list(saved.directory.glob("*.restore-*"))

