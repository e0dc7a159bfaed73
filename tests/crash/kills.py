# SPDX-License-Identifier: ISC
"""SIGKILL while entries are on their way, again and again on one ledger."""
import random
import signal

import run
from run import T, wire

ENTRIES = 8  # of each author in a round
RECEIPTS_VERIFIED = 400


class Kills:
    def __init__(self, sweep, seed):
        self.sweep = sweep
        self.random = random.Random(seed)
        self.team = sweep.team
        self.path = sweep.copy("serve", f"kills-{seed}")
        self.daemon = sweep.daemon(self.path)
        self.authors = [run.conftest.Author(self.team, author.key, author.member)
                        for author in (self.team.alder, self.team.birch)]
        self.open = []   # entries without a receipt, each author's in order
        self.held = {}   # index: receipt
        self.kills = 0

    def take(self, payload):
        out = T.receipt_decode(payload)
        assert self.held.setdefault(out["index"], payload) == payload, "a receipt has changed"
        self.team.leaves[out["index"]] = T.leaf_hash(out["record"])

    def send(self, author):
        entries = [author.advance(author.compose()) for _ in range(ENTRIES)]
        client = self.daemon.client()
        for entry in entries:
            client.send(wire.SUBMIT, run.submission(entry))
        return client, entries

    def collect(self, client, entries, most):
        """Up to so many answers, in the order of the entries; what has none stays open."""
        answered = 0
        try:
            while answered < min(most, len(entries)):
                kind, _, payload = client.receive()
                assert kind == wire.RECEIPT, payload
                self.take(payload)
                answered += 1
        except run.MISSED:
            pass
        del entries[:answered]

    def settle(self):
        """What was open is sent again, and must be accepted."""
        with self.daemon.client() as client:
            for entry in self.open:
                kind, payload = client.submit(run.submission(entry))
                assert kind == wire.RECEIPT, payload
                self.take(payload)
        self.open = []

    def round(self):
        self.daemon.start()
        self.settle()
        sent = [self.send(author) for author in self.authors]
        for client, entries in sent:
            self.collect(client, entries, self.random.randint(0, ENTRIES))
        self.daemon.process.send_signal(signal.SIGKILL)
        for client, entries in sent:
            self.collect(client, entries, ENTRIES)
            client.close()
            self.open += entries
        assert self.daemon.wait_exit() == -signal.SIGKILL
        self.kills += 1

    def run(self, rounds, progress=lambda done: None):
        """Gives what is wrong at the end: nothing."""
        try:
            for done in range(1, rounds + 1):
                self.round()
                progress(done)
            self.daemon.start()
            self.settle()
            with self.daemon.client() as client:
                for index, payload in self.held.items():
                    assert client.get(f"receipt/{index}") == payload
            self.daemon.stop()
        finally:
            self.daemon.end()
        paths = []
        for index in sorted(self.held)[-RECEIPTS_VERIFIED:]:
            paths.append(self.path / f"{index}.receipt")
            paths[-1].write_bytes(self.held[index])
        return list(self.sweep.verify(self.daemon.data, paths))
