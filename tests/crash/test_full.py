# SPDX-License-Identifier: ISC
"""A small disk or map that fills up: refused early by name, reads go on, appends resume."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest
from run import T, conftest, wire

SIZE, RESERVE = 24 << 20, 8 << 20
SMALL_MAP, LARGE_MAP = 256 << 20, 1 << 30
PART, PARTS = bytes(262000), 15  # the longest of an entry


@pytest.fixture
def small_disk():
    path = pathlib.Path(tempfile.mkdtemp(prefix="tally-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tally", path],
                             capture_output=True, check=False)
    if mounted.returncode != 0:
        path.rmdir()
        pytest.skip("this user cannot mount a small disk")
    yield path
    subprocess.run(["umount", path], check=True)
    path.rmdir()


def make(directory):
    conftest.TALLYD = os.environ["TALLYD"]
    daemon = conftest.Daemon(directory, conftest.Team())
    assert daemon.init("--receipt", directory / "receipt").returncode == 0
    daemon.team.take((directory / "receipt").read_bytes())
    return daemon


@pytest.fixture
def made(small_disk):
    daemon = make(small_disk)
    yield daemon
    daemon.end()


@pytest.fixture
def made_anywhere():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="tally-"))
    daemon = make(directory)
    yield daemon
    daemon.end()
    shutil.rmtree(directory)


def fill(path, left):
    """A file that leaves so many bytes, or nearly."""
    info = os.statvfs(path.parent)
    with open(path, "wb") as ballast:
        os.posix_fallocate(ballast.fileno(), 0, info.f_bavail * info.f_frsize - left)


def test_full_disk_is_refused_early(made, small_disk):
    team = made.team
    made.start(disk_reserve=RESERVE)
    with made.client() as client:
        first, receipt = team.accept(client, team.alder)
        entry = team.alder.compose()
        fill(small_disk / "ballast", RESERVE - (1 << 20))
        assert team.reject(client, entry) == "no-space"
        assert client.put(T.sha256(b"exhibit"), b"exhibit") == -17
        assert client.get(f"receipt/{first}") == receipt
    made.restart(disk_reserve=RESERVE)  # a stop and a start need no room
    with made.client() as client:
        assert client.get(f"receipt/{first}") == receipt
        assert team.reject(client, entry) == "no-space"
        (small_disk / "ballast").unlink()
        team.accept(client, team.alder, entry)
        assert client.put(T.sha256(b"exhibit"), b"exhibit") == wire.STORED
    made.stop()


def test_full_disk_without_a_reserve(made, small_disk):
    """The commit fails, and nothing of it was said to be there."""
    team = made.team
    made.start(disk_reserve=0)
    with made.client() as client:
        first, receipt = team.accept(client, team.alder)
        entry = team.alder.compose()
        fill(small_disk / "ballast", 0)
        client.send(wire.SUBMIT, T.submission_encode(entry.submission()))
        assert client.is_closed()
    assert made.wait_exit() == 7
    made.start(disk_reserve=0)
    with made.client() as client:
        assert client.get(f"receipt/{first}") == receipt
        (small_disk / "ballast").unlink()
        team.accept(client, team.alder, entry)
    made.stop()


def large(author, kind):
    """An entry that takes nearly 4 MB of the map; kind: "c" clear, "s" ciphertexts."""
    return author.compose(contents=[(b"/body", b'"text"', "c"),
                                    *((b"/data/%02d" % i, PART, kind) for i in range(PARTS))])


def fill_map(client, team):
    """Large entries until one is rejected: (the ones before it, it)."""
    receipts = {}
    for number in range(SMALL_MAP // (PARTS * len(PART))):
        author, kind = ((team.alder, "c"), (team.birch, "s"))[number % 2]
        entry = large(author, kind)
        answer, payload = client.submit(T.submission_encode(entry.submission()))
        if answer == wire.REJECTION:
            return receipts, author, entry
        assert answer == wire.RECEIPT
        index, *_ = team.take(payload)
        receipts[index] = payload
        author.advance(entry)
    raise AssertionError("the map was never full")


def check_full_map(daemon, receipts, entries):
    """Nothing is appended, a short entry neither; everything that was is there."""
    size = len(receipts) + 1
    with daemon.client() as client:
        for entry in entries:
            assert daemon.team.reject(client, entry) == "no-space"
        conftest.wait_for(lambda: client.state()["signing"] == "no-space", "its state")
        for index, receipt in receipts.items():
            assert client.get(f"receipt/{index}") == receipt
        assert client.get("checkpoint").split(b"\n")[1] == b"%d" % size
        assert client.put(T.sha256(b"exhibit"), b"exhibit") == -17


def test_full_map_is_refused_early(made_anywhere):
    """By name before anything fails, across a stop and a start, until the map may be larger."""
    daemon, team = made_anywhere, made_anywhere.team
    daemon.start(map_size=SMALL_MAP)
    with daemon.client() as client:
        receipts, author, entry = fill_map(client, team)
    other = team.birch if author is team.alder else team.alder
    rejected = [(author, entry), (other, other.compose())]
    check_full_map(daemon, receipts, [entry for _, entry in rejected])
    daemon.restart(map_size=SMALL_MAP)
    check_full_map(daemon, receipts, [entry for _, entry in rejected])
    daemon.restart(map_size=LARGE_MAP)
    with daemon.client() as client:
        for author, entry in rejected:
            team.accept(client, author, entry)
        assert client.state()["signing"] == "on"
        for index, receipt in receipts.items():
            assert client.get(f"receipt/{index}") == receipt
    daemon.stop()
    paths = [daemon.directory / f"{index}.receipt" for index in team.receipts]
    for path, receipt in zip(paths, team.receipts.values()):
        path.write_bytes(receipt)
    options = [part for path in paths for part in ("--receipt", path)]
    subprocess.run([os.environ["TALLY"], "verify", daemon.data, "--ledger", T.b64(team.id),
                    "--state", daemon.directory / "state", *options], check=True)
