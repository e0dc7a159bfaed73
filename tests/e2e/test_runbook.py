# SPDX-License-Identifier: ISC
"""Every command of docs/operations.md's sh blocks, run one after the other on a real ledger.

A directory stands for /: the paths of a command that begin with /etc, /run, /srv or /var are put
below it. tally, tallyd and all ordinary tools are real; so is the daemon that systemctl starts. Of
journalctl, chown, gpasswd and runuser there is what a test needs without root and users.
"""
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import conftest  # noqa: E402
import foreign  # noqa: E402
import tallyref as T  # noqa: E402
import wire  # noqa: E402
from test_backup import TALLY, fill  # noqa: E402

DOCUMENT = HERE.parents[1] / "docs" / "operations.md"
BACKUP = "var/lib/tally-backup/ledger"
STUBS = {
    "journalctl": 'exec cat "$ROOT/log"',
    "chown": 'test "$2" = tally:tally && exec test -e "$3"',
    "gpasswd": 'echo "$@" >> "$ROOT/gpasswd"',
    "runuser": 'shift 3; exec "$@"',
}


def nights():
    """(heading, commands) of each section with sh blocks, in their order."""
    found = {}
    heading, inside = None, False
    for line in DOCUMENT.read_text().splitlines():
        if line.startswith("#") and not inside:
            heading = line.lstrip("# ")
        elif line.startswith("```"):
            inside = line == "```sh"
        elif inside:
            found.setdefault(heading, []).append(line)
    return found


def expected_codes(line):
    match = re.search(r"# ends with ([0-9]+)(?: or ([0-9]+))?: ", line)
    return {int(code) for code in match.groups() if code} if match else {0}


class Night:
    def __init__(self, root, team):
        self.root, self.team = root, team
        self.daemon = conftest.Daemon(root, team)
        self.daemon.data = root / "var/lib/tally/ledger"
        self.daemon.submit, self.daemon.read = root / "run/tally/submit.sock", root / "run/tally/r"
        self.newest = None
        for name in ("etc/tally", "run/tally", "srv/head", "var/lib/tally", "bin"):
            (root / name).mkdir(parents=True)
        shutil.copy(self.daemon.key, root / "etc/tally/ledger-key")
        (root / "etc/tally/host-key").write_text(conftest.private_key_file(team.host))
        (root / "etc/tally/host-key").chmod(0o400)
        self.configure(map_size="1G")
        (root / "bin/systemctl").symlink_to(HERE / "runbook_systemctl.py")
        (root / "bin/tally").symlink_to(TALLY)
        for name, text in STUBS.items():
            (root / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
            (root / "bin" / name).chmod(0o755)

    def configure(self, map_size, reserve="1M"):
        (self.root / "etc/tally/tallyd.conf").write_text("".join(f"{line}\n" for line in (
            f"data {self.daemon.data}", f"head {self.root}/srv/head/ledger",
            f"ledger-key {self.root}/etc/tally/ledger-key",
            f"host-key {self.root}/etc/tally/host-key", f"submit-socket {self.daemon.submit}",
            f"read-socket {self.daemon.read}", f"disk-reserve {reserve}",
            f"map-size {map_size}")))

    def run(self, line):
        text = re.sub(r"(?<![\w./-])/(etc|run|srv|var)/", rf"{self.root}/\1/", line)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TALLY")}
        return subprocess.run(
            ["bash", "-c", text], cwd=self.root, capture_output=True, text=True, timeout=300,
            check=False, env={**environment, "ROOT": str(self.root), "TALLYD": conftest.TALLYD,
                              "PATH": f"{self.root}/bin:{os.environ['PATH']}",
                              "TALLY_SOURCE": str(self.daemon.read),
                              "TALLY_STATE": str(self.root / "state"),
                              "TALLY_LEDGER": T.b64(self.team.id)})

    def must(self, line):
        done = self.run(line)
        assert done.returncode == 0, (line, done.stdout, done.stderr)

    def make(self):
        done = self.daemon.init("--head", self.root / "srv/head/ledger", "--receipt",
                                self.root / "receipt")
        assert done.returncode == 0, done.stderr
        self.team.take((self.root / "receipt").read_bytes())
        self.must("systemctl start tallyd.service")
        fill(self.daemon, self.team, 5)

    def write(self):
        """One more record; its checkpoint is what a member then holds."""
        with self.daemon.client() as client:
            self.team.accept(client, self.team.alder)
            self.newest = client.get("checkpoint")

    def keeps_what_was_acknowledged(self):
        """And goes on, greeting a member who holds the newest checkpoint."""
        with self.daemon.client(hello=self.newest or b"") as client:
            for index, receipt in self.team.receipts.items():
                assert client.get(f"receipt/{index}") == receipt
            self.team.accept(client, self.team.alder)

    def pid(self):
        return int((self.root / "run/tallyd.pid").read_text())

    def kill(self):
        handle = os.pidfd_open(self.pid())
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        select.select([handle], [], [])  # readable once it has ended
        (self.root / "run/tallyd.pid").unlink()

    def end(self):
        if (self.root / "run/tallyd.pid").exists():
            self.run("systemctl stop tallyd.service")


# ---- What has happened before a night's commands, and what must be true after them ----


def ordinary(night):
    night.make()
    night.write()
    night.must(f"tally backup /{BACKUP}")


def restored_yesterday(night):
    ordinary(night)
    shutil.copytree(night.root / BACKUP, night.root / "yesterday")
    night.write()
    night.must("tally backup /srv/offsite/ledger")
    night.must("systemctl stop tallyd.service")
    shutil.rmtree(night.daemon.data)
    night.must("tally restore yesterday /var/lib/tally/ledger")
    assert night.run("systemctl start tallyd.service").returncode == 1
    assert "Appending now would fork the ledger" in (night.root / "log").read_text()


def lost_host(night):
    ordinary(night)
    night.must("tally backup /srv/offsite/ledger")
    night.write()
    night.must("systemctl stop tallyd.service")
    shutil.rmtree(night.daemon.data)
    (night.root / "srv/head/ledger").unlink()


def after_lost_host(night):
    """A record was lost with it; nothing was signed before the member who has it came."""
    entry = T.submission_encode(night.team.birch.compose().submission())
    with night.daemon.client() as client:
        kind, payload = client.submit(entry)
        assert (kind, wire.status_of(payload)) == (wire.ERROR, wire.EBUSY)
    with pytest.raises(wire.Refused) as refused:
        night.daemon.client(hello=night.newest)
    assert refused.value.status == wire.ESTOPPED
    with night.daemon.client() as client:
        assert client.state()["signing"] == "stopped"
        assert int(client.state()["size"]) == max(night.team.receipts)


def disk_full(night):
    night.make()
    night.configure(map_size="1G", reserve="60T")
    night.must("systemctl restart tallyd.service")


def after_disk_full(night):
    with night.daemon.client() as client:
        assert night.team.reject(client, night.team.alder.compose()) == "no-space"
    night.configure(map_size="1G")
    night.must("systemctl restart tallyd.service")
    night.keeps_what_was_acknowledged()


def map_full(night):
    night.make()
    night.configure(map_size="256M")
    night.must("systemctl restart tallyd.service")
    parts = [(b"/body", b'"text"', "c"),
             *((b"/data/%02d" % i, bytes(262000), "c") for i in range(15))]
    with night.daemon.client() as client:
        kind = wire.RECEIPT
        while kind == wire.RECEIPT:
            entry = night.team.birch.compose(contents=parts)
            kind, _ = client.submit(T.submission_encode(entry.submission()))
            if kind == wire.RECEIPT:
                night.team.birch.advance(entry)


def crashed(night):
    night.make()
    night.write()
    night.kill()


def flooded(night):
    night.make()
    night.idle = [conftest.raw_connect(night.daemon.submit) for _ in range(20)]
    with night.daemon.client(greet=False) as client:
        client.send(wire.SUBMIT, b"junk")
        assert client.is_closed()


def after_flood(night):
    assert (night.root / "gpasswd").read_text() == "-d mallory tally-submit\n"
    for sock in night.idle:
        sock.close()
    night.keeps_what_was_acknowledged()


def wrong_clock(night):
    """The newest record is of tomorrow: so is a ledger that a wrong clock has written."""
    night.team.leaves, night.team.receipts = foreign.tomorrow(night.root / "foreign", night.team)
    night.must("tally restore foreign /var/lib/tally/ledger")
    shutil.move(night.daemon.data / "head", night.root / "srv/head/ledger")
    night.must("systemctl start tallyd.service")


def after_clock(night):
    """The incident owns up to the day, and the entry behind it is of today."""
    night.team.alder.sequence, night.team.alder.previous = 1, foreign.previous_of(night.team)
    night.keeps_what_was_acknowledged()
    assert sorted(night.team.receipts) == [0, 1, 3]
    days = [T.record_decode(T.receipt_decode(night.team.receipts[index])["record"])["received_us"]
            // 86400000000 for index in (1, 3)]
    assert days[0] > days[1]


def lost_head(night):
    ordinary(night)
    night.must("systemctl stop tallyd.service")
    (night.root / "srv/head/ledger").unlink()
    assert night.run("systemctl start tallyd.service").returncode == 1
    assert "--make-head" in (night.root / "log").read_text()


def damaged(night):
    ordinary(night)
    with night.daemon.client() as client:
        record = T.receipt_decode(client.get("receipt/3"))["record"]
    night.must("systemctl stop tallyd.service")
    path = night.daemon.data / "store" / "data.mdb"
    changed = record[:-3] + bytes([record[-3] ^ 1]) + record[-2:]
    path.write_bytes(path.read_bytes().replace(record, changed))
    assert night.run("systemctl start tallyd.service").returncode == 1


def lost_key(night):
    ordinary(night)
    night.must("systemctl stop tallyd.service")
    (night.root / "srv/key-copy").mkdir()
    shutil.move(night.root / "etc/tally/ledger-key", night.root / "srv/key-copy/ledger-key")
    assert night.run("systemctl start tallyd.service").returncode == 1


def goes_on(night):
    night.keeps_what_was_acknowledged()


def goes_on_with_the_key(night):
    """The second block is for those who have no copy: the ledger is stopped for it."""
    assert len(list((night.root / "srv/tally").iterdir())) == 3


NIGHTS = {
    "Look after it": (ordinary, goes_on),
    "Back up": (ordinary, goes_on),
    "You restored yesterday's backup": (restored_yesterday, goes_on),
    "The host is lost": (lost_host, after_lost_host),
    "The disk is full": (disk_full, after_disk_full),
    "The map is full": (map_full, goes_on),
    "It crashed": (crashed, goes_on),
    "The ledger moves to another host": (ordinary, goes_on),
    "Somebody floods the ledger": (flooded, after_flood),
    "The clock is wrong": (wrong_clock, after_clock),
    "The head guard is lost": (lost_head, goes_on),
    "The store is damaged": (damaged, goes_on),
    "The ledger key is lost": (lost_key, goes_on),
    "Without a copy of it": (lost_key, goes_on_with_the_key),
}


@pytest.fixture(name="night")
def fixture_night(team):
    root = pathlib.Path(tempfile.mkdtemp(prefix="tally-"))
    night = Night(root, team)
    yield night
    night.end()
    shutil.rmtree(root)


def test_every_block_has_its_night():
    assert set(nights()) == set(NIGHTS)
    text = DOCUMENT.read_text()
    runbook = text[text.index("## Look after it"):text.index("## Change members and keys")]
    assert runbook.count("```sh\n") * 2 == runbook.count("```"), "no block that is not run"


@pytest.mark.parametrize("heading", NIGHTS)
def test_night(night, heading):
    if heading == "The map is full" and os.environ.get("SANITIZED") == "thread":
        pytest.skip("ThreadSanitizer leaves no addresses for a map of 4 TiB")
    before, after = NIGHTS[heading]
    before(night)
    for line in nights()[heading]:
        done = night.run(line)
        assert done.returncode in expected_codes(line), (line, done.stdout, done.stderr)
    after(night)
