# SPDX-License-Identifier: ISC
"""A real tallyd on a fresh ledger, and authors who write to it."""
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "vectors"))

import sample  # noqa: E402
import tallyref as T  # noqa: E402
import wire  # noqa: E402

TALLYD = os.environ.get("TALLYD")
TALLY = os.environ.get("TALLY")
ORIGIN = "tally.example/e2e"
DEADLINE_S = 20


def pytest_collection_modifyitems(items):
    if TALLYD is None:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="TALLYD names no daemon"))


def wait_for(condition, what, seconds=DEADLINE_S):
    """Polls what cannot be waited for."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"not in time: {what}")


def private_key_file(key):
    """openssh-key-v1, unencrypted."""
    public = T.key_blob(key.key)
    inner = (b"\x01\x02\x03\x04" * 2 + T.string(b"ssh-ed25519") + T.string(key.key["point"])
             + T.string(key.seed + key.key["point"]) + T.string(b"test"))
    inner += bytes(range(1, 8))[:-len(inner) % 8]
    blob = (b"openssh-key-v1\0" + T.string(b"none") + T.string(b"none") + T.string(b"")
            + T.u32(1) + T.string(public) + T.string(inner))
    text = T.b64(blob)
    lines = [text[i:i + 70] for i in range(0, len(text), 70)]
    return "\n".join(["-----BEGIN OPENSSH PRIVATE KEY-----", *lines,
                      "-----END OPENSSH PRIVATE KEY-----", ""])


class Author:
    """A key's own chain, kept from receipts alone, as docs/formats.md asks."""

    def __init__(self, team, key, member):
        self.team, self.key, self.member = team, key, member
        self.sequence, self.previous = 0, None

    def compose(self, kind="note", fields=(), **given):
        refs = [("about", 0, self.team.leaves[0])] if kind == "note" else []
        newest = max(self.team.leaves)
        fields = {"sequence": self.sequence + 1, "previous": self.previous, "refs": refs,
                  "seen": (newest, self.team.leaves[newest]), **dict(fields)}
        given.setdefault("contents", [(b"/body", b'"text"', "c")])
        return sample.Entry(self.key, self.member, kind, self.team.id, fields=fields,
                            **{"name": f"{self.key.name} {fields['sequence']}", **given})

    def advance(self, entry):
        """The entry counts as accepted: the next one follows it."""
        self.sequence = entry.fields["sequence"]
        self.previous = T.sha256(entry.envelope)
        return entry


class Team:
    """The members, the charter, and every record that a receipt has shown."""

    def __init__(self):
        self.ledger_key = sample.Key("e2e ledger")
        self.note_key = T.note_key(ORIGIN, self.ledger_key.key["point"])
        self.host = sample.HOST
        self.charter = sample.Entry(
            sample.ALDER, "alder", "charter", None, others=[sample.HOST, sample.BIRCH],
            fields={"ops": [
                f"origin {ORIGIN}", "ledger-key " + T.vkey_text(self.note_key),
                f"host-key {sample.HOST.text}", "rules 1", "sample yes", "threshold amend 1",
                "member alder Team Alder", "member birch Team Birch",
                f"key alder author,govern {sample.ALDER.text}",
                f"key birch author {sample.BIRCH.text}"]})
        self.id = T.sha256(self.charter.envelope)
        self.leaves = {}
        self.receipts = {}
        self.alder = Author(self, sample.ALDER, "alder")
        self.birch = Author(self, sample.BIRCH, "birch")

    def take(self, receipt):
        """Checks a receipt completely and remembers its record."""
        out, record, envelope, checkpoint = T.receipt_check(receipt, self.note_key)
        leaf = T.leaf_hash(out["record"])
        index = out["index"]
        assert self.leaves.get(index, leaf) == leaf
        if index > 0 and index - 1 in self.leaves:
            assert record["link"] == self.leaves[index - 1]
        self.leaves[index] = leaf
        self.receipts[index] = receipt
        return index, record, envelope, checkpoint

    def accept(self, client, author, entry=None, **given):
        """Submits the author's next entry, which must be accepted."""
        entry = entry or author.compose(**given)
        kind, payload = client.submit(T.submission_encode(entry.submission()))
        assert kind == wire.RECEIPT, payload
        index, record, _, _ = self.take(payload)
        assert record["envelope"] == entry.envelope
        assert record["signatures"] == entry.signatures
        author.advance(entry)
        return index, payload

    def reject(self, client, entry):
        """Submits what must be rejected; gives the code."""
        submission = T.submission_encode(entry.submission())
        kind, payload = client.submit(submission)
        assert kind == wire.REJECTION, payload
        rejection = T.rejection_open(payload, self.note_key)
        assert rejection["envelope"] == T.sha256(entry.envelope)
        assert rejection["submission"] == T.sha256(submission)
        return rejection["code"]


class Daemon:
    def __init__(self, directory, team):
        self.place(directory, team)
        self.key.write_text(private_key_file(team.ledger_key))
        self.key.chmod(0o400)
        (directory / "charter.tally").write_bytes(T.entry_encode(team.charter.entry_file()))

    def place(self, directory, team):
        """Where its files are; they may be there already."""
        self.directory = directory
        self.team = team
        self.data = directory / "data"
        self.submit = directory / "submit.sock"
        self.read = directory / "read.sock"
        self.key = directory / "ledger-key"
        self.log_path = directory / "log"
        self.process = None
        self.notify = None

    def init(self, *options, charter="charter.tally", key=None, environment=()):
        return subprocess.run(
            [TALLYD, "init", "--charter", self.directory / charter, "--data", self.data,
             "--ledger-key", key or self.key, *options],
            env={**os.environ, **dict(environment)}, capture_output=True, timeout=60, check=False)

    def command(self, **config):
        config = {"data": self.data, "ledger-key": self.key, "submit-socket": self.submit,
                  "read-socket": self.read, "map-size": "1G", "disk-reserve": "1M",
                  **{key.replace("_", "-"): value for key, value in config.items()}}
        flags = ["--make-head"] if config.pop("make-head", False) else []
        return [TALLYD, "serve", *flags,
                *(part for key, value in config.items() for part in (f"--{key}", str(value)))]

    def start(self, wait=True, environment=(), preexec=None, **config):
        assert self.process is None
        path = self.directory / "notify"
        path.unlink(missing_ok=True)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(path))
        self.notify.settimeout(DEADLINE_S)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(**config), stderr=log, stdin=subprocess.DEVNULL, preexec_fn=preexec,
                env={**os.environ, "NOTIFY_SOCKET": str(path), **dict(environment)})
        if wait:
            self.wait_notified("READY=1")
        return self

    def wait_notified(self, text):
        while True:
            try:
                message = self.notify.recv(4096).decode()
            except socket.timeout:
                raise AssertionError(f"no {text}; log:\n{self.log()}") from None
            if text in message.split("\n") or message.startswith(text):
                return message

    def refuses_to_start(self, preexec=None, **config):
        """The exit code of a start that must fail, and what it said."""
        before = len(self.log())
        done = subprocess.run(self.command(**config), capture_output=True, timeout=60, check=False,
                              preexec_fn=preexec)
        assert done.returncode != 0, before
        return done.returncode, done.stderr.decode("ascii")

    def wait_exit(self):
        code = self.process.wait(timeout=60)
        self.process = None
        self.notify.close()
        return code

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.wait_exit()
        assert code == 0, self.log()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.wait_exit()

    def restart(self, **config):
        self.stop()
        return self.start(**config)

    def client(self, **options):
        return wire.Client(self.submit, **options)

    def reader(self, **options):
        return wire.Client(self.read, **options)

    def log(self):
        return self.log_path.read_bytes().decode("ascii") if self.log_path.exists() else ""

    def rss_kib(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
        raise AssertionError("no VmHWM")

    def end(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.notify.close()


@pytest.fixture
def team():
    return Team()


@pytest.fixture
def bare(team):
    """A daemon without a ledger yet. The path is short: a socket's may have 107 characters."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="tally-"))
    daemon = Daemon(directory, team)
    yield daemon
    daemon.end()
    assert "Sanitizer" not in daemon.log()
    shutil.rmtree(directory)


@pytest.fixture
def made(bare):
    """A daemon on a new ledger, not started."""
    done = bare.init("--receipt", bare.directory / "charter.receipt")
    assert done.returncode == 0, done.stderr
    bare.team.take((bare.directory / "charter.receipt").read_bytes())
    return bare


@pytest.fixture
def daemon(made):
    """A daemon that serves. What it says on the log is always printable."""
    made.start()
    yield made
    for line in made.log().splitlines():
        assert line[0] == "<" and line[2] == ">", line
        assert all(0x20 <= ord(c) < 0x7f for c in line)


def raw_connect(path):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(DEADLINE_S)
    sock.connect(str(path))
    return sock


def hello_frame():
    return wire.frame(wire.HELLO, 1, struct.pack(">HH", 1, 0))


def can_connect(daemon):
    """Whether the daemon greets a client now."""
    try:
        daemon.client().close()
        return True
    except (wire.Refused, wire.Closed, OSError):
        return False
