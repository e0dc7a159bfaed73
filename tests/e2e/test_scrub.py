# SPDX-License-Identifier: ISC
"""The scrubber beside a real daemon: what it finds, what follows, and how it ends."""
import os
import pathlib
import shutil
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import sample  # noqa: E402
import tallyref as T  # noqa: E402
import wire  # noqa: E402
from conftest import wait_for  # noqa: E402
from test_backup import tally  # noqa: E402

OFTEN = {"scrub_every": "10ms", "handshake_timeout": "40ms"}
EXHIBIT = sample.stream("an exhibit", 5000)


def state_of(daemon):
    with daemon.reader() as client:
        return client.state()


def await_scrub(daemon, *wanted):
    """The state after a whole pass that began now."""
    first = int(state_of(daemon)["scrub-count"])

    def look():
        state = state_of(daemon)
        over = state["scrub"] in wanted and int(state["scrub-count"]) >= first + 2
        return state if over or state["scrub"] in ("damaged", "ended") else None

    state = wait_for(look, f"scrub {wanted}", 60)
    assert state["scrub"] in wanted, daemon.log()
    return state


def scrubber_of(daemon):
    """Process ids of the daemon's children."""
    pid = daemon.process.pid
    return [int(child) for child in
            pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def fill(daemon, team, count=12):
    with daemon.client() as client:
        for number in range(count):
            team.accept(client, (team.alder, team.birch)[number % 2])
        assert client.put(T.sha256(EXHIBIT), EXHIBIT) == wire.STORED
        team.accept(client, team.birch, files=[("clear", EXHIBIT, b"scan")])


@pytest.fixture
def scrubbed(made, team):
    made.start(**OFTEN)
    fill(made, team)
    state = await_scrub(made, "clean")
    assert (state["signing"], state["scrub-size"]) == ("on", state["size"])
    return made


def replace_everywhere(path, old, new):
    """In every page that holds it, of the present or left over; the lengths are the same."""
    assert len(old) == len(new)
    data = path.read_bytes()
    assert old in data
    with open(path, "r+b") as file:
        at = data.find(old)
        while at >= 0:
            file.seek(at)
            file.write(new)
            at = data.find(old, at + 1)


def envelope_of(team, index):
    return T.record_decode(T.receipt_decode(team.receipts[index])["record"])["envelope"]


def damage(daemon, team, index):
    """One byte of one stored record."""
    envelope = envelope_of(team, index)
    changed = envelope.replace(b"sequence ", b"sequenc? ", 1)
    assert changed != envelope
    replace_everywhere(daemon.data / "store" / "data.mdb", envelope, changed)


def test_changed_record_stops_signing(scrubbed, team):
    damage(scrubbed, team, 5)
    state = await_scrub(scrubbed, "damaged")
    assert state["signing"] == "damaged"
    assert "<2>the stored ledger is damaged: record 5: " in scrubbed.log()
    with scrubbed.client() as client:
        kind, payload = client.submit(T.submission_encode(team.alder.compose().submission()))
        assert (kind, wire.status_of(payload)) == (wire.ERROR, wire.ESTOPPED)
        assert isinstance(client.get("checkpoint"), bytes)
    done = tally("status", scrubbed.read)
    assert done.returncode == 1 and "the stored ledger is damaged" in done.stdout
    scrubbed.stop()
    code, said = scrubbed.refuses_to_start()  # it is among the newest records
    assert code == 6 and "record 5: malformed" in said
    assert tally("fsck", scrubbed.data).returncode == 1


def test_damaged_exhibit_is_told_and_appends_go_on(scrubbed, team):
    path = scrubbed.data / "exhibits" / T.sha256(EXHIBIT).hex()
    for spoil in (lambda: path.write_bytes(EXHIBIT[:-1] + b"?"), path.unlink):
        spoil()
        state = await_scrub(scrubbed, "exhibits")
        assert state["signing"] == "on"
        done = tally("status", scrubbed.read)
        assert done.returncode == 1 and "an exhibit file is damaged or gone" in done.stdout
        with scrubbed.client() as client:
            team.accept(client, team.alder)
        path.write_bytes(EXHIBIT)
        await_scrub(scrubbed, "clean")
        assert tally("status", scrubbed.read).returncode == 0


def test_page_that_leads_nowhere_is_found_before_the_start(scrubbed, team):
    """The nodes of an early record's page point out of it; the newest record's are right."""
    scrubbed.stop()
    whole = scrubbed.directory / "whole"
    shutil.copytree(scrubbed.data, whole)
    path = scrubbed.data / "store" / "data.mdb"
    data = path.read_bytes()
    with open(path, "r+b") as file:
        for page in range(2 * 4096, len(data), 4096):
            content = data[page:page + 4096]
            if envelope_of(team, 1) in content and envelope_of(team, 13) not in content:
                file.seek(page + 16)  # behind the page's header: where its nodes are
                file.write(b"\xff\xff" * 2)
    code, said = scrubbed.refuses_to_start()
    assert code == 6 and "a page of the store cannot be read or is damaged" in said
    shutil.rmtree(scrubbed.data)
    whole.rename(scrubbed.data)
    scrubbed.start()


def test_changed_table_stops_signing(scrubbed, team):
    """The records are right, and the table that finds them by author says something else."""
    digest = T.sha256(envelope_of(team, 1))
    path = scrubbed.data / "store" / "data.mdb"
    replace_everywhere(path, digest, digest[:-1] + bytes([digest[-1] ^ 1]))
    state = await_scrub(scrubbed, "damaged")
    assert state["signing"] == "damaged"
    assert "record 1: the store's tables say something else" in scrubbed.log()


def test_what_ends_the_scrubber_stops_signing(scrubbed, team):
    """SIGABRT stands for the signals of a page that cannot be read: here no sanitizer takes it."""
    for child in scrubber_of(scrubbed):
        os.kill(child, signal.SIGABRT)
    state = await_scrub(scrubbed, "damaged")
    assert state["signing"] == "damaged"
    assert "a page of it ended the process that read it" in scrubbed.log()
    with scrubbed.client() as client:
        kind, payload = client.submit(T.submission_encode(team.alder.compose().submission()))
        assert (kind, wire.status_of(payload)) == (wire.ERROR, wire.ESTOPPED)


def test_daemon_survives_its_scrubber(scrubbed, team):
    for child in scrubber_of(scrubbed):
        os.kill(child, signal.SIGKILL)
    state = wait_for(lambda: state_of(scrubbed)["scrub"] == "ended" and state_of(scrubbed), "ended")
    assert state["signing"] == "on"
    assert "the scrubber has ended with signal 9" in scrubbed.log()
    assert tally("status", scrubbed.read).returncode == 1
    with scrubbed.client() as client:
        team.accept(client, team.alder)
    scrubbed.restart()
    assert state_of(scrubbed)["scrub"] in ("waiting", "clean")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_scrubber_ends_with_its_daemon(scrubbed, number):
    (child,) = scrubber_of(scrubbed)
    # Deaf to what a terminal or a service manager tells the whole group.
    for ignored in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(child, ignored)
    await_scrub(scrubbed, "clean")
    scrubbed.process.send_signal(number)
    scrubbed.wait_exit()
    wait_for(lambda: not pathlib.Path(f"/proc/{child}").exists(), "the scrubber's end")


def test_scrubber_is_confined(scrubbed):
    (child,) = scrubber_of(scrubbed)
    status = pathlib.Path(f"/proc/{child}/status").read_text()
    lines = dict(line.split(":\t", 1) for line in status.splitlines())
    assert (lines["Seccomp"], lines["NoNewPrivs"]) == ("2", "1")
    descriptors = [os.readlink(path) for path in pathlib.Path(f"/proc/{child}/fd").iterdir()]
    sockets = [path for path in descriptors if path.startswith("socket:")]
    assert len(sockets) == 1
    assert not any("ledger-key" in path or path.endswith("/head") for path in descriptors)
