#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A real tallyd below the shim: run.py TALLYD SHIM DIRECTORY [SEED] records a run into DIRECTORY.

The run: init, batches of every width from two authors, exhibits, an amendment, a replacement of the
ledger key, a clock that is set back, stops, kills before named calls, and after each of them a
start. DIRECTORY/run.log is what crash_states takes apart; every receipt that the log shows has been
checked here.
"""
import os
import pathlib
import random
import re
import signal
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
sys.path.insert(0, str(HERE.parent / "vectors"))

import conftest  # noqa: E402
from clock import Clock  # noqa: E402
import sample  # noqa: E402
import tallyref as T  # noqa: E402
import wire  # noqa: E402

HOUR = 3600
MARK = 12  # RECORD_MARK of record.h
MISSED = (wire.Closed, ConnectionResetError, BrokenPipeError)


def submission(entry):
    return T.submission_encode(entry.submission())


def environment(shim, clock=None, **given):
    """What a daemon is started with below the shim; an instrumented one lets it come first.

    Its sandbox is off then: the log and the counts are none of the calls that it allows.
    """
    options = os.environ.get("ASAN_OPTIONS", "").split(":")
    options += ["verify_asan_link_order=0", "handle_abort=1"]
    preloaded = clock.environment(shim) if clock else {"LD_PRELOAD": str(shim)}
    return {**preloaded, "ASAN_OPTIONS": ":".join(filter(None, options)),
            **{key: str(value) for key, value in given.items()}}


def write_key(path, key):
    path.write_text(conftest.private_key_file(key))
    path.chmod(0o400)
    return path


class Run:
    """One recorded run; entries that a kill left without an answer are sent again."""

    def __init__(self, directory, tallyd, shim, seed):
        conftest.TALLYD = str(tallyd)
        self.random = random.Random(seed)
        self.log = directory / "run.log"
        self.team = conftest.Team()
        self.daemon = conftest.Daemon(directory, self.team)
        self.next_secret = sample.Key("crash next ledger key")
        self.next_key = write_key(directory / "next-key", self.next_secret)
        self.host_key = write_key(directory / "host-key", sample.HOST)
        self.clock = Clock(directory / "clock")
        self.environment = environment(shim, self.clock, CRASH_LOG=self.log, CRASH_ROOT=directory)

    def mark(self, text):
        with open(self.log, "ab") as log:
            log.write(struct.pack("=IiQIIQ", MARK, -1, 0, 0, 0, len(text)) + text.encode())

    def init(self):
        receipt = self.daemon.directory / "charter.receipt"
        done = self.daemon.init("--receipt", receipt, environment=self.environment)
        assert done.returncode == 0, done.stderr
        self.mark("init")
        self.team.take(receipt.read_bytes())

    def start(self, fault=None):
        given = {"CRASH_FAULT": fault} if fault else {}
        self.daemon.start(environment={**self.environment, **given}, sandbox="no",
                          next_ledger_key=self.next_key, host_key=self.host_key)

    def confirm(self):
        """Whatever the clock says is right."""
        answer = re.compile(r"has confirmed the clock|needs no confirmation")
        before = len(answer.findall(self.daemon.log()))
        self.daemon.process.send_signal(signal.SIGHUP)
        conftest.wait_for(lambda: len(answer.findall(self.daemon.log())) > before, "an answer")

    def settle(self, entries):
        """Entries in their order on a fresh connection, until each has a receipt."""
        with self.daemon.client() as client:
            for entry in entries:
                kind, payload = client.submit(submission(entry))
                assert kind == wire.RECEIPT, payload
                self.team.take(payload)

    def fetch(self):
        """The receipts of incidents, whose author is no client."""
        with self.daemon.client() as client:
            for index in range(max(self.team.receipts)):
                if index not in self.team.receipts:
                    self.team.take(client.get(f"receipt/{index}"))

    def burst(self, authors, count):
        """As many entries at once, from each author on a connection of its own."""
        sent = []
        clients = [self.daemon.client() for _ in authors]
        for author, client in zip(authors, clients):
            entries = [author.advance(author.compose()) for _ in range(count)]
            client.sock.sendall(b"".join(
                wire.frame(wire.SUBMIT, 100 + i, submission(entry))
                for i, entry in enumerate(entries)))
            sent.append(entries)
        whole = True
        for client, entries in zip(clients, sent):
            try:
                for _ in entries:
                    kind, _, payload = client.receive()
                    assert kind == wire.RECEIPT, payload
                    self.team.take(payload)
            except MISSED:
                whole = False
            client.close()
        return whole, [entry for entries in sent for entry in entries]

    def bursts(self, count, widest):
        for _ in range(count):
            authors = self.random.choice([[self.team.alder], [self.team.birch],
                                          [self.team.alder, self.team.birch]])
            whole, _ = self.burst(authors, self.random.randint(1, widest))
            assert whole, self.daemon.log()

    def exhibit(self, size):
        data = sample.stream(f"exhibit {self.random.random()}", size)
        digest = T.sha256(data)
        with self.daemon.client() as client:
            assert client.put(digest, data) == wire.STORED
            self.mark(f"stored {digest.hex()}")
            part = T.exhibit_encode(digest, len(data), "text/plain", digest)
            self.team.accept(client, self.team.alder, self.team.alder.compose(
                "finding", contents=[(b"/exhibits/page", part, "c")],
                files=[("clear", data, b"page")]))

    def amend(self, amended, *operations, others=()):
        entry = sample.Entry(
            sample.ALDER, "alder", "amendment", self.team.id, others=list(others),
            fields={"seen": (amended, self.team.leaves[amended]),
                    "refs": [("amends", amended, self.team.leaves[amended])],
                    "ops": list(operations)})
        with self.daemon.client() as client:
            kind, payload = client.submit(submission(entry))
            assert kind == wire.RECEIPT, payload
        return payload

    def enrol(self):
        payload = self.amend(0, f"enrol birch author {sample.NEWCOMER.text}",
                             others=[sample.NEWCOMER])
        index, _, _, _ = self.team.take(payload)
        return index

    def replace_key(self, amended):
        new = T.note_key(conftest.ORIGIN, self.next_secret.key["point"])
        out = T.receipt_decode(self.amend(amended, "ledger-key " + T.vkey_text(new)))
        self.team.leaves[out["index"]] = T.leaf_hash(out["record"])
        self.team.note_key = new

    def kill(self, fault, clock=None):
        """A start that ends before a call: at once, or while entries are on their way.

        With a clock that is set back, an incident is in their batch.
        """
        if clock is not None:
            self.clock.set(clock)
        self.start(fault)
        self.confirm()
        _, entries = self.burst([self.team.alder], self.random.randint(1, 6))
        assert self.daemon.wait_exit() == -9
        self.start()
        self.confirm()
        self.settle(entries)
        self.fetch()
        self.daemon.stop()


def record(directory, tallyd, shim, seed=1, rounds=1):
    run = Run(directory, tallyd, shim, seed)
    run.init()
    run.start()
    run.bursts(12, 3)
    run.exhibit(run.random.randint(1, 20000))
    run.daemon.stop()
    run.kill("fdatasync:1:kill:1")
    run.kill("swrite:1:kill:1")  # the one of LMDB's meta page
    run.kill("swrite:2:kill:1")  # the one of the head guard
    run.start()
    amendment = run.enrol()
    run.bursts(6, 12)
    run.daemon.stop()
    run.kill("swrite:1:kill:1", clock=-HOUR)
    run.kill("swrite:2:kill:1", clock=-2 * HOUR)
    run.start()
    run.exhibit(run.random.randint(1, 5000))
    run.daemon.stop()
    run.start()
    for _ in range(rounds):
        run.bursts(6, 5)
    run.replace_key(amendment)
    run.bursts(3, 6)
    run.daemon.stop()
    return run


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[3])
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    record(target, sys.argv[1], sys.argv[2], int(sys.argv[4]) if len(sys.argv) > 4 else 1)
