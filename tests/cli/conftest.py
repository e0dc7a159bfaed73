# SPDX-License-Identifier: ISC
"""A real ledger for the client's tests: real keys by ssh-keygen, a real tallyd, real sockets."""

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

SOURCE = Path(os.environ.get("TALLY_SOURCE_DIR", Path(__file__).resolve().parents[2]))
BUILD = SOURCE / "build" / "release"
TALLY = Path(os.environ.get("TALLY", BUILD / "client" / "tally"))
TALLYD = Path(os.environ.get("TALLYD", BUILD / "daemon" / "tallyd"))
TEAMS = ("alder", "birch", "cedar")


class Result:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def json(self):
        return json.loads(self.out)


class Ledger:
    """One ledger and the people around it."""

    def __init__(self, root):
        self.root, self.daemon = root, None
        self.sockets = Path(tempfile.mkdtemp())
        self.count = 0
        for name in ("keys", "entries", "state"):
            (root / name).mkdir()
        for name in (*TEAMS, "host", "ledger", "stranger"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                            root / "keys" / name], check=True)
        self.charter = root / "charter.tally"
        plan = {"origin": "test.example/client", "sample": True, "threshold": {"amend": 2},
                "ledger_key": "keys/ledger.pub", "host_key": "keys/host.pub",
                "members": [{"id": name, "name": f"Team {name}",
                             "keys": [{"file": f"keys/{name}.pub",
                                       "roles": ["author", "govern"]}]} for name in TEAMS]}
        (root / "plan.json").write_text(json.dumps(plan))

    def tally(self, *words, who="alder", env=None, state=None):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TALLY_")}
        environment |= {"TALLY_STATE": str(state or self.root / "state" / who), "TERM": "xterm",
                        "TALLY_SOURCE": str(self.sockets / "read"),
                        "TALLY_SOCKET": str(self.sockets / "submit"), **(env or {})}
        environment.pop("SSH_AUTH_SOCK", None) if not env else None
        done = subprocess.run([TALLY, *map(str, words)], capture_output=True, text=True,
                              check=False, env=environment, timeout=60)
        return Result(done)

    def key(self, name):
        return self.root / "keys" / name

    def make(self):
        assert self.tally("charter", "new", self.root / "plan.json", self.charter).code == 0
        for name in (*TEAMS, "host"):
            assert self.tally("charter", "sign", self.charter, "--key", self.key(name)).code == 0
        self.id = self.tally("charter", "show", "--json", self.charter).json["ledger"]
        subprocess.run([TALLYD, "init", "--charter", self.charter, "--ledger-key",
                        self.key("ledger"), "--data", self.root / "data"], check=True,
                       capture_output=True)

    def start(self, *options):
        with open(self.root / "tallyd.log", "ab") as log:
            self.daemon = subprocess.Popen(
                [TALLYD, "serve", "--data", self.root / "data", "--ledger-key",
                 self.key("ledger"), "--submit-socket", self.sockets / "submit", "--read-socket",
                 self.sockets / "read", *options], stderr=log)
        deadline = time.monotonic() + 30
        while self.tally("status", who="nobody").code != 0:
            assert self.daemon.poll() is None and time.monotonic() < deadline

    def stop(self):
        self.daemon.send_signal(signal.SIGTERM)
        assert self.daemon.wait(30) == 0
        self.daemon = None

    def verify(self, who="alder", *words):
        return self.tally("verify", "--ledger", self.id, *words, who=who)

    def finding(self, **changes):
        """A new JSON file of a good finding with some members changed (None: left out)."""
        self.count += 1
        finding = {"type": "finding", "title": f"Finding {self.count}", "lang": "en",
                   "topic": "transport", "statement_kind": "observation",
                   "statement": "A ship was seen.", "event_time": "2024-10-16",
                   "external_references": [{"source_name": "A", "origin": f"o{self.count}"}]}
        finding |= changes
        path = self.root / "entries" / f"{self.count}.json"
        path.write_text(json.dumps({k: v for k, v in finding.items() if v is not None}))
        return path

    def submit(self, who="alder", words=(), **changes):
        """Composes, signs and submits; the entry's id."""
        path = self.finding(**changes)
        done = self.tally("submit", "--json", path, "--key", self.key(who), *words, who=who)
        assert done.code == 0, done.err
        return done.json


def entry_lines(path):
    """The lines of an entry file as (word, rest)."""
    return [line.split(" ", 1) for line in Path(path).read_text().split("\n")[1:-1]]


def entry_field(path, word):
    return [base64.b64decode(rest) for name, rest in entry_lines(path) if name == word]


@pytest.fixture(scope="module", name="ledger")
def fixture_ledger(tmp_path_factory):
    ledger = Ledger(tmp_path_factory.mktemp("ledger"))
    ledger.make()
    ledger.start()
    for who in TEAMS:
        assert ledger.verify(who).code == 0
    yield ledger
    if ledger.daemon is not None:
        ledger.stop()
    shutil.rmtree(ledger.sockets)
