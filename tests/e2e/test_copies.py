# SPDX-License-Identifier: ISC
"""Copies of a ledger: what is named is durable, and what was written is looked at again."""
import os
import re
import subprocess

import pytest
import tallyref as T
import wire
from conftest import TALLY, TALLYD
from test_backup import backup, fill
from test_daemon import failing

pytestmark = pytest.mark.skipif(not os.path.exists("/usr/bin/strace"), reason="no strace")


def traced(made, calls, *words, inject=None, program=TALLY):
    """Runs it under strace: how it ended, and its calls, in which descriptors have paths."""
    trace = made.directory / "trace"
    faults = ["-e", f"inject={inject}"] if inject else []
    done = subprocess.run(
        ["strace", "-f", "-y", "-s", "0", "-o", trace, "-e", f"trace={calls}", *faults, program,
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
    done, _ = traced(saved, "write", "restore", saved.directory / "backup", target,
                     inject=f"write:error=ENOSPC:when={number}")
    assert done.returncode == 3 and "nothing was restored" in done.stderr
    assert not target.exists() and not list(saved.directory.glob("*.restore-*"))


def test_new_ledger_is_durable_before_its_name(bare):
    """Each file and each directory of it by a sync of its own, then its name, then its parent."""
    done, calls = traced(bare, "fsync,rename,renameat2", "init", "--charter",
                         bare.directory / "charter.tally", "--data", bare.data, "--ledger-key",
                         bare.key, program=TALLYD)
    assert done.returncode == 0, done.stderr
    named = next(i for i, call in enumerate(calls)
                 if call.startswith("rename(") and f'"{bare.data}")' in call)
    place = re.match(r'rename\("([^"]+)"', calls[named])[1]
    matches = [re.match(r"fsync\(\d+<(.+)>\)", call) for call in calls[:named]]
    synced = [match[1] for match in matches if match]
    for name in ("", "/store", "/store/data.mdb", "/exhibits", "/exhibits/deposits",
                 "/exhibits/incoming"):
        assert place + name in synced, name
    assert any(path.startswith(f"{place}/.tally-") for path in synced), "the head guard"
    assert re.match(rf"fsync\(\d+<{bare.directory}>\)", calls[named + 1])


@pytest.mark.parametrize("path, call", [("exhibits/deposits", "fsync"),
                                        ("store/data.mdb", "fdatasync")])
def test_one_failed_sync_ends_the_daemon(made, team, path, call):
    """The next one may say that all is well: there is none, and nobody gets an answer."""
    made.start()
    data = b"kept or not"
    tracer = failing(made, made.data / path, f"{call}:error=EIO:when=1")
    client = made.client()
    if call == "fsync":
        client.send(wire.PUT, T.sha256(data) + len(data).to_bytes(8, "big"))
        request = client.next - 1
        client.send(wire.PUT_DATA, data, request)
        client.send(wire.PUT_END, b"", request)
    else:
        client.send(wire.SUBMIT, T.submission_encode(team.alder.compose().submission()))
    answers = set()
    try:
        while True:
            answers.add(client.receive()[0])
    except (wire.Closed, ConnectionResetError):
        pass
    assert made.wait_exit() == 7
    tracer.wait(timeout=20)
    assert answers <= {wire.READY}
    made.start()
    with made.client() as client:
        assert client.put(T.sha256(data), data) == wire.STORED
        team.accept(client, team.alder)
    made.stop()


def test_a_file_that_is_there_is_synced_again(made):
    """Who uploads it a second time is told that it is stored by a sync of its own."""
    data = b"wanted by two"
    made.start()
    with made.client() as client:
        assert client.put(T.sha256(data), data) == wire.STORED
        assert client.put(T.sha256(data), data) == wire.STORED
    tracer = failing(made, made.data / "exhibits" / "deposits", "fsync:error=EIO")
    with made.client() as client:
        with pytest.raises((wire.Closed, ConnectionResetError)):
            client.put(T.sha256(data), data)
    assert made.wait_exit() == 7
    tracer.wait(timeout=20)


def test_an_exhibit_has_no_name_before_its_bytes_are_durable(made):
    """A file that is there is not uploaded again, whatever a crash has left of its bytes."""
    made.start()
    data = b"in the page cache"
    tracer = failing(made, made.data / "exhibits" / "incoming" / "1", "fsync:error=EIO")
    client = made.client()
    with pytest.raises((wire.Closed, OSError)):
        client.put(T.sha256(data), data)
    assert made.wait_exit() == 7
    tracer.wait(timeout=20)
    assert "syncing an exhibit failed" in made.log()
    assert list((made.data / "exhibits" / "deposits").iterdir()) == []
    made.start()
    with made.client() as client:
        assert client.put(T.sha256(data), data) == wire.STORED
    made.stop()
