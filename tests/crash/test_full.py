# SPDX-License-Identifier: ISC
"""A small disk that fills up: refused early by name, reads go on, appends resume by themselves."""
import os
import pathlib
import subprocess
import tempfile

import pytest
from run import T, conftest, wire

SIZE, RESERVE = 24 << 20, 8 << 20


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


@pytest.fixture
def made(small_disk):
    conftest.TALLYD = os.environ["TALLYD"]
    daemon = conftest.Daemon(small_disk, conftest.Team())
    assert daemon.init("--receipt", small_disk / "receipt").returncode == 0
    daemon.team.take((small_disk / "receipt").read_bytes())
    yield daemon
    daemon.end()


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
